/** What the gateway offers to each player. */
export interface Lobby {
  /** To the room where the player was, or to one with a free seat; resolves which. */
  join(name: string): Promise<string>;
  /** Resolves the number of the line in the room, when it is stored. */
  say(text: string): Promise<number>;
}

/** What each player offers to the gateway. */
export interface Player {
  hear(line: number, name: string, text: string): void;
}

/** The services of the back end. */
export interface Offers {
  readonly matchmaker: { find(name: string): Promise<string> };
  /** With keys. */
  readonly room: { say(name: string, text: string): Promise<number> };
  /** With one key, so that one process has it at a time. */
  readonly store: {
    /** The same number for a name each time. */
    seatOf(name: string): number;
    /** How many lines a room has; and that it has so many, as the owner of that epoch says. */
    linesOf(room: string): number;
    save(room: string, epoch: number, lines: number): void;
  };
  readonly audience: { tell(room: string, ...line: Parameters<Player['hear']>): Promise<void> };
  /** What the hub alone can do. */
  readonly control: {
    keys(service: string, memberId: string): string[];
    rebalance(service: string): Promise<number>;
    /** Replaces the processes of a group, one after the other. */
    restart(group: string): Promise<void>;
  };
}
