// onnxruntime's Linux builds report usage to their makers unless told not to, and keep an identifier of the machine in
// ~/.cache/Microsoft. depthcast contacts nobody. The runtime reads the variable when it is loaded, and assigning it in a
// worker changes a copy alone: so whoever loads the runtime, or starts a worker that will, imports this first.
process.env['ORT_DISABLE_TELEMETRY'] = '1';
