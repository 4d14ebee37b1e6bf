/** Keeps the screen on while the page is seen (Screen Wake Lock API). Browsers take the lock away from hidden pages. */
export class ScreenWakeLock {
  #wanted = false;
  #lock: WakeLockSentinel | undefined;

  constructor() {
    document.addEventListener('visibilitychange', () => {
      if (this.#wanted && !document.hidden) void this.#take();
    });
  }

  get held(): boolean {
    return this.#lock?.released === false;
  }

  hold(wanted: boolean): void {
    this.#wanted = wanted;
    if (wanted) void this.#take();
    else {
      void this.#lock?.release();
      this.#lock = undefined;
    }
  }

  async #take(): Promise<void> {
    if (this.held) return;
    try {
      const lock = await navigator.wakeLock?.request('screen');
      if (this.#wanted) this.#lock = lock;
      else await lock?.release();
    } catch {
      // Refused on a low battery, for one: then the screen goes dark when its owner has set it to.
    }
  }
}
