import { BusError } from '../../../base/errors.ts';

/** What a joint client can ask, unit by unit. Bytes are views into what was fed. */
export interface JointCommands {
  create(tag: number, id: Uint8Array): void;
  enter(tag: number, id: Uint8Array): void;
  /** `joint` is the number the client holds as a user. */
  leave(joint: number): void;
  /** `joint` is the number the client holds as an owner. */
  remove(joint: number): void;
  /** From a user to the owner; a unit may come in several parts, as the bytes arrive. */
  toOwner(joint: number, bytes: Uint8Array): void;
  toUser(joint: number, user: number, bytes: Uint8Array): void;
  /** To every user, or to all but `except`. */
  broadcast(joint: number, except: number | undefined, bytes: Uint8Array): void;
}

type State = 'start' | 'command' | 'tag' | 'length' | 'payload' | 'mode' | 'size' | 'joint' | 'user' | 'body';

const command = { create: 0, enter: 1, leave: 2, remove: 3 } as const;

/**
 * Reads the client's side of the joint protocol (`docs/joint-protocol.md`), however the bytes are split. Holds at most
 * one channel id of 255 bytes; data is handed on as it comes.
 */
export class JointClientParser {
  readonly #commands: JointCommands;
  #state: State = 'start';
  #command = 0;
  #tag = 0;
  #payload = new Uint8Array(0);
  #filled = 0;
  /** Bytes of the present unit still to come. */
  #left = 0;
  #joint = 0;
  #user = 0;
  #broadcast: 'no' | 'all' | 'but-one' = 'no';

  constructor(commands: JointCommands) {
    this.#commands = commands;
  }

  /** Throws `ERR_PROTOCOL` for bytes that are not a unit; the parser is not to be fed again then. */
  feed(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) at = this.#step(bytes, at);
  }

  #step(bytes: Uint8Array, at: number): number {
    if (this.#state === 'body') return this.#body(bytes, at);
    if (this.#state === 'payload') return this.#collect(bytes, at);
    this.#header(bytes[at] ?? 0);
    return at + 1;
  }

  #header(byte: number): void {
    switch (this.#state) {
      case 'start':
        this.#start(byte);
        return;
      case 'command':
        if (byte > command.remove) throw malformed(`command ${byte} is unknown`);
        this.#command = byte;
        this.#state = 'tag';
        return;
      case 'tag':
        if (byte === 0 && this.#command <= command.enter) throw malformed('a request needs a tag from 1 to 255');
        this.#tag = byte;
        this.#state = 'length';
        return;
      case 'length':
        this.#length(byte);
        return;
      case 'mode':
        this.#broadcast = byte === 0 ? 'but-one' : 'all';
        this.#state = 'start';
        return;
      case 'size':
        this.#left = this.#left * 256 + byte;
        if (this.#left === 0) throw malformed('a unit has at least its joint byte');
        this.#state = 'joint';
        return;
      case 'joint':
        this.#unit(byte);
        return;
      case 'user':
        this.#user = byte;
        this.#left -= 1;
        this.#state = this.#left === 0 ? this.#rest() : 'body';
        return;
      default:
        return;
    }
  }

  #start(byte: number): void {
    if (byte < 2) {
      if (this.#broadcast !== 'no') throw malformed('a broadcast prefix stands before data only');
      this.#state = byte === 0 ? 'command' : 'mode';
    } else if (byte < 128) {
      this.#left = byte;
      this.#state = 'joint';
    } else {
      this.#left = byte - 128;
      this.#state = 'size';
    }
  }

  /** LEAVE and DELETE take one byte whatever length they state, as the relay of the original does. */
  #length(length: number): void {
    if (this.#command >= command.leave) length = 1;
    this.#payload = new Uint8Array(length);
    this.#filled = 0;
    this.#state = 'payload';
    if (length === 0) this.#request();
  }

  #collect(bytes: Uint8Array, at: number): number {
    const part = bytes.subarray(at, at + this.#payload.length - this.#filled);
    this.#payload.set(part, this.#filled);
    this.#filled += part.length;
    if (this.#filled === this.#payload.length) this.#request();
    return at + part.length;
  }

  #request(): void {
    this.#state = 'start';
    const payload = this.#payload;
    if (this.#command === command.create) this.#commands.create(this.#tag, payload);
    else if (this.#command === command.enter) this.#commands.enter(this.#tag, payload);
    else if (this.#command === command.leave) this.#commands.leave(payload[0] ?? 0);
    else this.#commands.remove(payload[0] ?? 0);
  }

  #unit(joint: number): void {
    this.#joint = joint;
    this.#left -= 1;
    // A prefix before a user's unit means nothing: the unit goes to the owner.
    if (joint < 128) this.#broadcast = 'no';
    const named = joint >= 128 && this.#broadcast !== 'all';
    if (this.#left === 0) this.#state = this.#rest();
    else this.#state = named ? 'user' : 'body';
  }

  #body(bytes: Uint8Array, at: number): number {
    const part = bytes.subarray(at, at + this.#left);
    this.#left -= part.length;
    const [joint, mode] = [this.#joint, this.#broadcast];
    if (this.#left === 0) this.#state = this.#rest();
    if (joint < 128) this.#commands.toOwner(joint, part);
    else if (mode === 'no') this.#commands.toUser(joint - 128, this.#user, part);
    else this.#commands.broadcast(joint - 128, mode === 'all' ? undefined : this.#user, part);
    return at + part.length;
  }

  /** The state after a whole unit. */
  #rest(): State {
    this.#broadcast = 'no';
    return 'start';
  }
}

function malformed(what: string): BusError {
  return new BusError('ERR_PROTOCOL', `Joint protocol: ${what}`);
}
