/** What one process of a run is told; every command is answered with numbers or an error. */
export interface Command {
  readonly id: number;
  readonly call: string;
  readonly params: Params;
}

export interface Answer {
  readonly id: number;
  readonly result?: Numbers;
  readonly error?: string;
}

/** Sent first by a process, to say which one it is. */
export interface Greeting {
  readonly name: string;
}

export type Params = Readonly<Record<string, string | number | boolean>>;
export type Numbers = Readonly<Record<string, number>>;
