// Time for the page, in seconds. Ages use `now`, which never goes back; countdowns use `server`.

const SLEPT_SECONDS = 2;

export class Clock {
  #monotonic;
  #wall;
  #slept = 0;
  #ahead; // wall time minus monotonic time, when last looked
  #offset = 0;

  constructor(monotonic = () => performance.now() / 1000, wall = () => Date.now() / 1000) {
    this.#monotonic = monotonic;
    this.#wall = wall;
    this.#ahead = wall() - monotonic();
  }

  // The monotonic clock of a browser may stand still while the machine sleeps; data grows old.
  now() {
    const ahead = this.#wall() - this.#monotonic();
    if (ahead - this.#ahead > SLEPT_SECONDS) this.#slept += ahead - this.#ahead;
    this.#ahead = ahead;
    return this.#monotonic() + this.#slept;
  }

  // The Unix time of the machine of the service, which said `at` just now.
  server() {
    return this.#wall() + this.#offset;
  }

  serverSaid(at) {
    this.#offset = at - this.#wall();
  }
}
