// Asks the service for one path again and again, with the ETag of what is there already.

const TIMEOUT_MS = 4000;
const RETRY_SECONDS = 0.5; // what has failed is tried again so soon, so that recovery shows
const MOST_RETRY_SECONDS = 5; // of an answer that is a refusal

export class Poll {
  #etag = null;
  #timer = null;
  #busy = false;
  #again = false;
  #refused = 0;

  // `take(value, asked)` gets each changed answer and the time of its request; `heard()` is called
  // for every answer, a 304 included, `refused(body)` for a refusal. `seconds` may change.
  constructor(path, seconds, { clock, take, heard = () => {}, refused = () => {} }) {
    Object.assign(this, { path, seconds, clock, take, heard, refused, answeredAt: null });
  }

  start() {
    this.#plan(0);
    return this;
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#busy = true; // an answer on its way plans nothing
  }

  // Ask at once: the page is looked at again, or a setting has changed.
  soon() {
    if (this.#busy) this.#again = true;
    else this.#plan(0);
  }

  #plan(seconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), seconds * 1000);
  }

  async #ask() {
    this.#busy = true;
    const asked = this.clock.now();
    const wait = await this.#answer(asked);
    if (this.#timer === null) return; // stopped meanwhile
    this.#busy = false;
    const spent = this.clock.now() - asked;
    this.#plan(this.#again ? 0 : Math.max(0.1, wait - spent));
    this.#again = false;
  }

  // How many seconds after the request the next one is due.
  async #answer(asked) {
    try {
      const response = await fetch(this.path, {
        headers: this.#etag ? { "If-None-Match": this.#etag } : {},
        cache: "no-store", // the tag is ours: a 304 spares the reading too
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      if (response.status === 200) {
        const value = await response.json();
        this.#etag = response.headers.get("ETag");
        this.take(value, asked);
      } else if (response.status !== 304) {
        this.refused(await response.json());
        this.#refused = Math.min(MOST_RETRY_SECONDS, (this.#refused || RETRY_SECONDS / 2) * 2);
        return this.#refused;
      }
      this.#refused = 0;
      this.answeredAt = this.clock.now();
      this.heard(asked);
      return this.seconds;
    } catch (error) {
      const away = [TypeError, SyntaxError].some((each) => error instanceof each);
      if (away || error.name === "TimeoutError") return RETRY_SECONDS;
      throw error; // a defect of ours: the console shows it
    }
  }
}
