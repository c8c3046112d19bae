/** How much an end and one other side may hold of each other's: the same for all remote objects and proxies of the end. */
export interface RpcLimits {
  /** Streams that are open, each way. */
  maxStreams: number;
  /** Functions that the other side holds, each way. */
  maxFunctions: number;
}

/** What `remote()` and `proxy()` were given replaces what counted for their end before. */
export function setLimits(limits: RpcLimits, given: { readonly [Name in keyof RpcLimits]: number | undefined }): void {
  limits.maxStreams = given.maxStreams ?? limits.maxStreams;
  limits.maxFunctions = given.maxFunctions ?? limits.maxFunctions;
}
