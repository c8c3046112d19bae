/** What a connection knows of its server. */
export interface ServerHandle {
  readonly options: object;
  broadcast(data: unknown): Promise<void>;
  close(allowReconnect?: boolean): Promise<unknown>;
}
