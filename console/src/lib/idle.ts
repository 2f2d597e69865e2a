// Whether somebody is at the page. Live views stop reading when nobody is: a screen that is left open
// must not keep a session alive for ever.
export const IDLE_MS = 15 * 60_000;

export class Presence {
  private seen: number;
  private away = false;
  constructor(private readonly now: () => number = Date.now) {
    this.seen = now();
  }
  isAway(): boolean {
    if (this.now() - this.seen >= IDLE_MS) this.away = true;
    return this.away;
  }
  // A key or a click. True: somebody is back.
  touch(): boolean {
    const back = this.isAway();
    this.seen = this.now();
    this.away = false;
    return back;
  }
}

export const presence = new Presence();
