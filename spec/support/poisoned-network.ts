import { MemoryNetwork } from '../../lib/testing/index.ts';
import type { Link, LinkEvents } from '../../lib/transport/link.ts';

type Listen = MemoryNetwork['listen'];
type Dialling = MemoryNetwork['dial'];

/** Whose links write over the bytes that they handed out, as those do that read into one buffer. */
export class PoisonedNetwork extends MemoryNetwork {
  override listen(...[address, clock, events]: Parameters<Listen>): ReturnType<Listen> {
    return super.listen(address, clock, { ...events, link: (link) => events.link(poisoned(link)) });
  }

  override async dial(...given: Parameters<Dialling>): Promise<Link> {
    return poisoned(await super.dial(...given));
  }
}

function poisoned(link: Link): Link {
  const attach = link.attach.bind(link);
  link.attach = (events: LinkEvents) =>
    attach({
      data: (bytes) => {
        const lent = Buffer.from(bytes);
        events.data(lent);
        lent.fill(0xff);
      },
      drain: () => events.drain(),
      close: (error) => events.close(error),
    });
  return link;
}
