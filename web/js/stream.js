// The service's stream of quotes and signals (Server-Sent Events). Where it cannot be had, because
// eight others read it or the service is away, it is asked for again after a while.

const SILENT_SECONDS = 5; // the service sends a heartbeat every two seconds
const AGAIN_SECONDS = 15; // after a refusal

export class Stream {
  #source = null;
  #heardAt = null;
  #openedAt = 0;

  // `take` has a function for each kind of event: quotes, signal, heartbeat.
  constructor(path, { clock, take, heard }) {
    Object.assign(this, { path, clock, take, heard });
  }

  // Seconds since its last event; undefined before the first.
  age() {
    return this.#heardAt === null ? undefined : this.clock.now() - this.#heardAt;
  }

  get isAlive() {
    return this.#heardAt !== null && this.age() < SILENT_SECONDS;
  }

  // To be called again and again: opens what is closed, and replaces what is silent.
  tend() {
    const now = this.clock.now();
    const open = this.#source !== null && this.#source.readyState !== EventSource.CLOSED;
    const wait = open ? SILENT_SECONDS + AGAIN_SECONDS : AGAIN_SECONDS;
    if (this.#source === null || (!this.isAlive && now - this.#openedAt >= wait)) this.#open(now);
  }

  close() {
    this.#source?.close();
    this.#source = null;
    this.#heardAt = null;
  }

  #open(now) {
    this.#source?.close();
    this.#openedAt = now;
    this.#source = new EventSource(this.path);
    for (const [name, take] of Object.entries(this.take)) {
      this.#source.addEventListener(name, (event) => {
        this.#heardAt = this.clock.now();
        take(JSON.parse(event.data), this.#heardAt);
        this.heard();
      });
    }
  }
}
