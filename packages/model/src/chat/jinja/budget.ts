/** What a template may do, since it is untrusted: steps, characters that it makes, items of a list. */
const [STEPS, CHARACTERS, ITEMS] = [2_000_000, 2 ** 26, 1_000_000];

/** Counts what a template does, and stops what would take for ever or fill the memory. */
export class Budget {
  #steps = 0;
  #characters = 0;

  step(count = 1): void {
    this.#steps += count;
    if (this.#steps > STEPS) throw new RangeError(`it takes more than ${STEPS} evaluations`);
  }

  /** Counts characters that are about to be made. */
  write(count: number): void {
    this.#characters += count;
    if (this.#characters > CHARACTERS) {
      throw new RangeError(`it makes more than ${CHARACTERS} characters`);
    }
  }

  /** Counts the items of a list that is about to be made. */
  list(count: number): void {
    if (count > ITEMS) throw new RangeError(`it makes a list of more than ${ITEMS} items`);
    this.step(count);
  }
}
