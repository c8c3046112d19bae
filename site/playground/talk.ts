/** What the page tells the worker in which the code runs. */
export type Order =
  | { readonly kind: 'run'; readonly code: string }
  | { readonly kind: 'lag'; readonly ms: number }
  /** A link is lost every so many ms; never with 0. */
  | { readonly kind: 'loss'; readonly everyMs: number }
  | { readonly kind: 'kill' };

export type FrameKind = 'message' | 'request' | 'answer' | 'control' | 'opening';

/** What the worker tells the page. */
export type News =
  | { readonly kind: 'client'; readonly client: number }
  | { readonly kind: 'link'; readonly client: number; readonly up: boolean }
  | { readonly kind: 'frames'; readonly frames: readonly Frame[] }
  | { readonly kind: 'session'; readonly client: number; readonly outcome: string }
  | { readonly kind: 'counts'; readonly sent: number; readonly arrived: number; readonly cuts: number }
  | { readonly kind: 'print'; readonly text: string; readonly isError: boolean };

export interface Frame {
  readonly client: number;
  readonly toServer: boolean;
  readonly what: FrameKind;
  readonly lagMs: number;
}
