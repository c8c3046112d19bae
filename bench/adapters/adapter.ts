/** What the end of a peer does with what arrives. */
export interface Handlers {
  message(data: unknown): void;
  /** Returns the answer. */
  request(data: unknown): unknown;
}

/** The server of a peer under test. A promise asks the sender to wait for it: that is the peer's own back-pressure. */
export interface ServerEnd {
  broadcast?(data: object): Promise<unknown> | undefined;
  /** Asks every client; resolves how many answered. */
  survey?(data: object): Promise<number>;
  /** Breaks every link the hard way. */
  cut?(): void;
  close(): Promise<unknown> | undefined;
}

export interface ClientEnd {
  send(data: object): Promise<unknown> | undefined;
  request?(data: object): Promise<unknown>;
  /** Sends bulk data beside small requests: on a lane of its own where the peer has such. */
  bulk?(data: Buffer): Promise<unknown> | undefined;
  close(): Promise<unknown> | undefined;
}

/** What one peer is measured through. Each file of this folder is one package; each adapter one configuration of it. */
export interface Adapter {
  readonly name: string;
  /** The module of bench/package.json it needs; without it the peer is skipped by name. */
  readonly module?: string;
  /** A program it needs. */
  readonly program?: string;
  readonly minimumNodeMajor?: number;
  /** How many clients it can have; unlimited unless given. */
  readonly maxClients?: number;
  /** True where the server can ask all clients at once. */
  readonly surveys?: boolean;
  /** True where `bulk` is there. */
  readonly bulk?: boolean;
  /** True where a client comes back by itself after a cut. */
  readonly resumes?: boolean;
  /** False where it cannot send to many. */
  readonly broadcasts?: boolean;
  /** False where binary data has no form of its own. */
  readonly binary?: boolean;
  /** Where several configurations of one package are told apart: those that join only when asked for by name. */
  readonly byNameOnly?: boolean;
  /** What a process has to load before it can use the peer. */
  readonly loads?: string;
  serve(address: string, handlers: Handlers): Promise<ServerEnd>;
  connect(address: string, handlers: Handlers): Promise<ClientEnd>;
  /** Starts the process or thread of the clients from within the server's, where the peer demands that. */
  spawn?(file: string, args: readonly string[]): void;
}
