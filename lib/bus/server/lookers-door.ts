import type { LinkPort } from '../../session/link-port.ts';
import type { Link } from '../../transport/link.ts';
import type { ClientHello } from '../../wire/handshake/hello.ts';

/** Takes a link whose client said `hello`, and may come in; what came behind that follows. Throws a `BusError` to refuse it all the same. */
export type Admit = (port: LinkPort, hello: ClientHello, rest: Uint8Array) => void;

/** Where links of lookers arrive, which are not clients of the server. */
export interface LookersDoor {
  /** Whether the peer may look; `ask` makes it answer. May reject with the reason why not. */
  admits(link: Link, ask: (question: unknown) => Promise<unknown>): Promise<boolean>;
  readonly take: Admit;
}
