class DepthcastError(Exception):
    """What went wrong: `code` is one of docs/errors.md, or of this client (SERVER_UNREACHABLE, NO_METRES, ...)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
