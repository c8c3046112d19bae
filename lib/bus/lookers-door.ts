import type { LinkPort } from '../session/link-port.ts';
import type { Link } from '../transport/link.ts';
import type { ClientHello } from '../wire/handshake/hello.ts';

/** Takes a link whose client said `hello`, and may come in; what came behind that follows. Throws a `BusError` to refuse it all the same. */
export type Admit = (port: LinkPort, hello: ClientHello, rest: Uint8Array) => void;

/** Where those come in who look at a server and are none of its clients. */
export interface LookersDoor {
  /** Whether who is at the other end may look; has it answer by `ask`. May reject with why not. */
  admits(link: Link, ask: (question: unknown) => Promise<unknown>): Promise<boolean>;
  readonly take: Admit;
}
