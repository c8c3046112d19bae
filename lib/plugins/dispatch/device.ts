/** What listens on a port. TLS shares the port numbers of TCP and its statistics. */
export type Protocol = 'tcp' | 'udp' | 'tls';

/** The program at the other end of a port, as drivers know it. */
export interface Device {
  /** TCP and TLS: counted from 0 on each port, never given twice while it is open. UDP: the same as `port`. */
  readonly id: number;
  readonly address: string;
  readonly port: number;
}
