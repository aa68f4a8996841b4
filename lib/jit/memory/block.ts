/** Pieces of device memory, and lists of them. */

/** Uses of the same contents before a form of them is made: they may change after the first. */
const USES_BEFORE_FIRST = 1;
/** The same after the form was freed for want of room. */
const USES_BEFORE_NEXT = 32;

/** Forms that are told apart for one block; there are no more of them. */
export const MOST_FORMS = 8;

/** One form in which the contents of a block may be kept beside it. */
export class Form {
  /** The block with the contents in this form; null while there is none. */
  block: Block | null = null;
  /** Whether the block has the contents. */
  filled = false;
  /** Uses to let pass before the form is made. */
  wait = USES_BEFORE_FIRST;

  constructor(readonly name: string) {}

  /** It was lost because other contents came (`changed`), or because there was no room. */
  lose(changed: boolean): void {
    this.block = null;
    this.filled = false;
    this.wait = changed ? USES_BEFORE_FIRST : USES_BEFORE_NEXT;
  }
}

/** A piece of memory that lies on the device, or in an array of the host while the device was short of room. */
export class Block {
  /** Where it lies on the device; 0 while it is spilled, and after it was freed. */
  address = 0;
  /** Its contents while it is spilled. */
  host: Uint8Array<ArrayBuffer> | null = null;
  /** How many running programs need it where it is. */
  pins = 0;
  /** Links of the list it is in, the least recently used first; null when it is in none. */
  previous: Block | null = null;
  next: Block | null = null;
  /** When it was last used, on the clock of its cache. */
  stamp = 0;
  /** The owner, held weakly; null for small blocks and for those without an owner. */
  owner: WeakRef<object> | null = null;
  /** Whether it has an owner; one without stays pinned until it gets one or is freed. */
  owned = false;
  /** Whether the finalization registry knows it. */
  registered = false;
  /** What may be kept of its contents in other forms; null as long as nobody asked. */
  forms: Form[] | null = null;
  /** The form that it holds of another block's contents; null for blocks with contents of their own. */
  form: Form | null = null;

  constructor(readonly bytes: number, readonly charge: number) {}
}

/** Blocks in the order of their last use. */
export class BlockList {
  readonly #end: Block = new Block(0, 0);
  constructor() {
    this.#end.next = this.#end.previous = this.#end;
  }
  get oldest(): Block | null {
    const first = this.#end.next;
    return first === this.#end ? null : first;
  }
  after(block: Block): Block | null {
    return block.next === this.#end ? null : block.next;
  }
  add(block: Block): void {
    const last = this.#end.previous!;
    block.previous = last;
    block.next = this.#end;
    last.next = block;
    this.#end.previous = block;
  }
  static remove(block: Block): void {
    block.previous!.next = block.next;
    block.next!.previous = block.previous;
    block.previous = block.next = null;
  }
}
