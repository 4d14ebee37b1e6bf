/**
 * Lets a picture be drawn only when the one before has been. Where software draws, it takes longer than pictures take to come: they would wait in
 * the browser's queue of commands, each older than the one before, until the page itself waits for them and answers to nothing.
 */
export class DrawGate {
  readonly #gl: WebGL2RenderingContext;
  #drawing: WebGLSync | null = null;

  constructor(gl: WebGL2RenderingContext) {
    this.#gl = gl;
  }

  get open(): boolean {
    const gl = this.#gl;
    if (this.#drawing === null) return true;
    if (!gl.isContextLost() && gl.getSyncParameter(this.#drawing, gl.SYNC_STATUS) !== gl.SIGNALED) return false;
    gl.deleteSync(this.#drawing);
    this.#drawing = null;
    return true;
  }

  /** Everything that is to be drawn has been handed over. */
  close(): void {
    this.#drawing ??= this.#gl.fenceSync(this.#gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    this.#gl.flush();
  }
}
