"""onnxruntime for Python: the package where it is installed, else the engine's C library of the npm package by ctypes.

Both are the same engine; the C library that onnxruntime-node ships is the very one that depthcast runs.
"""

import ctypes
import glob
import os

import numpy as np

# It would report its usage to its makers.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# Places of functions in OrtApi (onnxruntime_c_api.h), which only ever grows at its end.
API_VERSION = 13
GET_ERROR_MESSAGE, CREATE_ENV, CREATE_SESSION, RUN, CREATE_OPTIONS = 2, 3, 7, 9, 10
SET_OPTIMISATION, SET_INTRA_THREADS, SET_INTER_THREADS = 23, 24, 25
INPUT_COUNT, OUTPUT_COUNT, INPUT_TYPE, INPUT_NAME, OUTPUT_NAME = 30, 31, 33, 36, 37
CREATE_TENSOR, TENSOR_DATA, AS_TENSOR_INFO, DIMENSION_COUNT, DIMENSIONS, SYMBOLS, TENSOR_SHAPE = 49, 51, 55, 61, 62, 63, 65
CPU_MEMORY_INFO, DEFAULT_ALLOCATOR = 69, 78
RELEASE_STATUS, RELEASE_VALUE, RELEASE_TYPE, RELEASE_SHAPE = 93, 96, 98, 99
TABLE_SIZE = 100

# Of enumerations.
FLOAT, INT64 = 1, 7
ALL_OPTIMISATIONS = 99
LOG_ERRORS = 3
ARENA, DEFAULT_MEMORY = 1, 0


def open_session(model: str, threads: int):
    """A session with `inputs` ({name: shape}, unknown sides by name), `outputs` ([name]) and `run(feeds) -> [array]`."""
    try:
        import onnxruntime
    except ImportError:
        return LibrarySession(model, threads)
    return PackageSession(onnxruntime, model, threads)


class PackageSession:
    def __init__(self, onnxruntime, model: str, threads: int):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.version = f"onnxruntime {onnxruntime.__version__}, Python package"
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.inputs = {i.name: i.shape for i in self._session.get_inputs()}
        self.outputs = [o.name for o in self._session.get_outputs()]

    def run(self, feeds):
        return self._session.run(self.outputs, feeds)


class LibrarySession:
    def __init__(self, model: str, threads: int):
        root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
        found = glob.glob(os.path.join(root, "node_modules/onnxruntime-node/bin/napi-v*/linux/*/libonnxruntime.so.1"))
        if not found:
            raise RuntimeError("neither the Python package onnxruntime nor the library of onnxruntime-node is here")
        library = ctypes.CDLL(found[0])
        library.OrtGetApiBase.restype = ctypes.POINTER(ctypes.c_void_p * 2)
        get_api, get_version = library.OrtGetApiBase().contents
        api = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_uint32)(get_api)(API_VERSION)
        self.version = f"onnxruntime {ctypes.CFUNCTYPE(ctypes.c_char_p)(get_version)().decode()}, C library of onnxruntime-node"
        # Foreign functions give up the interpreter's lock while they run, as the package does.
        self._calls = [ctypes.CFUNCTYPE(ctypes.c_void_p)(at) for at in (ctypes.c_void_p * TABLE_SIZE).from_address(api)]

        environment = self._make(CREATE_ENV, ctypes.c_int(LOG_ERRORS), ctypes.c_char_p(b"peer"))
        options = self._make(CREATE_OPTIONS)
        self._call(SET_OPTIMISATION, options, ctypes.c_int(ALL_OPTIMISATIONS))
        self._call(SET_INTRA_THREADS, options, ctypes.c_int(threads))
        self._call(SET_INTER_THREADS, options, ctypes.c_int(1))
        self._session = self._make(CREATE_SESSION, environment, ctypes.c_char_p(model.encode()), options)
        self._allocator = self._make(DEFAULT_ALLOCATOR)
        self._memory = self._make(CPU_MEMORY_INFO, ctypes.c_int(ARENA), ctypes.c_int(DEFAULT_MEMORY))
        self.inputs = {self._name(INPUT_NAME, i): self._input_shape(i) for i in range(self._count(INPUT_COUNT))}
        self.outputs = [self._name(OUTPUT_NAME, i) for i in range(self._count(OUTPUT_COUNT))]
        self._output_names = (ctypes.c_char_p * len(self.outputs))(*[name.encode() for name in self.outputs])

    def run(self, feeds):
        arrays = [np.ascontiguousarray(array) for array in feeds.values()]
        names = (ctypes.c_char_p * len(arrays))(*[name.encode() for name in feeds])
        values = (ctypes.c_void_p * len(arrays))(*[self._tensor(array).value for array in arrays])
        results = (ctypes.c_void_p * len(self.outputs))()
        try:
            self._call(RUN, self._session, None, names, values, ctypes.c_size_t(len(arrays)), self._output_names,
                       ctypes.c_size_t(len(self.outputs)), results)
            return [self._array(ctypes.c_void_p(result)) for result in results]
        finally:
            for value in [*values, *results]:
                self._calls[RELEASE_VALUE](ctypes.c_void_p(value))

    def _call(self, place: int, *arguments):
        status = self._calls[place](*arguments)
        if status:
            text = ctypes.string_at(self._calls[GET_ERROR_MESSAGE](ctypes.c_void_p(status))).decode()
            self._calls[RELEASE_STATUS](ctypes.c_void_p(status))
            raise RuntimeError(text)

    def _make(self, place: int, *arguments) -> ctypes.c_void_p:
        out = ctypes.c_void_p()
        self._call(place, *arguments, ctypes.byref(out))
        return out

    def _count(self, place: int, of=None) -> int:
        out = ctypes.c_size_t()
        self._call(place, of or self._session, ctypes.byref(out))
        return out.value

    def _name(self, place: int, index: int) -> str:
        out = ctypes.c_char_p()
        self._call(place, self._session, ctypes.c_size_t(index), self._allocator, ctypes.byref(out))
        return out.value.decode()

    def _input_shape(self, index: int):
        kind = self._make(INPUT_TYPE, self._session, ctypes.c_size_t(index))
        info = self._make(AS_TENSOR_INFO, kind)
        sides = self._dimensions(info)
        names = (ctypes.c_char_p * len(sides))()
        self._call(SYMBOLS, info, names, ctypes.c_size_t(len(sides)))
        shape = [side if side >= 0 else name.decode() for side, name in zip(sides, names)]
        self._calls[RELEASE_TYPE](kind)
        return shape

    def _dimensions(self, info: ctypes.c_void_p):
        count = self._count(DIMENSION_COUNT, info)
        sides = (ctypes.c_int64 * count)()
        self._call(DIMENSIONS, info, sides, ctypes.c_size_t(count))
        return list(sides)

    def _tensor(self, array: np.ndarray) -> ctypes.c_void_p:
        sides = (ctypes.c_int64 * array.ndim)(*array.shape)
        kind = FLOAT if array.dtype == np.float32 else INT64
        return self._make(CREATE_TENSOR, self._memory, ctypes.c_void_p(array.ctypes.data), ctypes.c_size_t(array.nbytes),
                          sides, ctypes.c_size_t(array.ndim), ctypes.c_int(kind))

    def _array(self, value: ctypes.c_void_p) -> np.ndarray:
        info = self._make(TENSOR_SHAPE, value)
        shape = self._dimensions(info)
        self._calls[RELEASE_SHAPE](info)
        data = ctypes.cast(self._make(TENSOR_DATA, value), ctypes.POINTER(ctypes.c_float))
        return np.ctypeslib.as_array(data, (int(np.prod(shape)),)).reshape(shape).copy()
