/** One number for each direction. */
export interface BothWays {
  readonly sent: number;
  readonly received: number;
}

/** Of one lane: '0' is the user's own, the others are called as their plugins, and `other` is what no plugin here has. */
export interface LaneStats {
  readonly messages: BothWays;
  readonly requests: BothWays;
  readonly bytes: BothWays;
}

/** What was counted, of a server over all its connections: plain numbers, as they are now. */
export interface Stats {
  /** Since when it is counted, in milliseconds since 1970. */
  readonly since: number;
  /** Of all lanes; those that wait for room are not sent yet. A broadcast counts once for each who gets it. */
  readonly messages: BothWays;
  /** `open`: of this end, without an answer yet. Pings are not counted. */
  readonly requests: BothWays & { readonly open: number };
  /** Of messages, requests and their answers, with their headers, before they are compressed. */
  readonly bytes: BothWays;
  readonly lanes: { readonly [lane: string]: LaneStats };
  /** Frames that the peer has not acknowledged. */
  readonly unacknowledged: { readonly messages: number; readonly bytes: number };
  /** What has no room yet; the bytes are those of large messages that are sent in parts, as others are not encoded yet. */
  readonly waiting: { readonly messages: number; readonly bytes: number };
  /** How often a link was opened, by what became of the session. */
  readonly resumes: { readonly fresh: number; readonly resumed: number; readonly lost: number };
  /** Answers that came too late and were discarded. */
  readonly lateResponses: number;
  /** Messages that came back because a session was lost. */
  readonly undelivered: number;
  /** How often a peer took nothing for `slowConsumerMs`. */
  readonly slow: number;
  /** How often a client was refused, by the code it was given. */
  readonly refused: { readonly [code: string]: number };
  /**
   * How long answers to requests, confirmed messages and pings took, their handling included. `p99` is up to 25 % too
   * long. `buckets` as of `handlerMs`.
   */
  readonly roundTripMs: {
    readonly count: number;
    readonly min: number;
    readonly mean: number;
    readonly p99: number;
    readonly sum: number;
    readonly buckets: { readonly [upToMs: string]: number };
  };
  /**
   * How long requests took to be answered here. `buckets` has how many took no longer than the milliseconds they are called
   * by, and longer than those of the one before; the last one is `Infinity`.
   */
  readonly handlerMs: {
    readonly count: number;
    readonly sum: number;
    readonly buckets: { readonly [upToMs: string]: number };
  };
  /** What plugins count, by their names. */
  readonly plugins: { readonly [name: string]: unknown };
}
