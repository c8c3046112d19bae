import { randomBytes } from 'node:crypto';
import { Client, type Lane, type PluginHost } from '../../../lib/index.ts';
import { stretchMessage } from '../../../lib/plugins/journal/lane-messages.ts';
import { recordHeaderBytes, sealRecord } from '../../../lib/plugins/journal/log/record.ts';
import { messageHead } from '../../../lib/plugins/journal/message-record.ts';

const newId = (): string => randomBytes(16).toString('base64url');

/** A client that speaks for a journal without having one, and says what it likes. */
export class RawSender {
  readonly client: Client;
  readonly folder: string;
  readonly journal = newId();
  readonly acknowledged: unknown[] = [];
  #lane!: Lane;
  #next = 1;

  private constructor(path: string, folder: string) {
    this.folder = folder;
    this.client = new Client({ path });
    this.client.use({
      name: 'journal',
      install: (host: PluginHost) => {
        this.#lane = host.lane({ message: (data) => void this.acknowledged.push(data) });
        return { api: undefined };
      },
    });
  }

  /** Connected, and open for its one journal. */
  static async connect(path: string, folder = newId()): Promise<RawSender> {
    const sender = new RawSender(path, folder);
    await sender.client.connect();
    await sender.open([[sender.journal, 0]]);
    return sender;
  }

  open(journals: readonly (readonly [string, number])[]): Promise<unknown> {
    return this.#lane.request(this.client, [this.folder, journals]);
  }

  /** Sends messages whose data is these bytes. */
  send(bodies: readonly Uint8Array[]): Promise<void> {
    const records = bodies.map((body) => {
      const head = messageHead(0);
      const length = head.length + body.length;
      const record = Buffer.alloc(recordHeaderBytes + length);
      record.set(head, recordHeaderBytes);
      record.set(body, recordHeaderBytes + head.length);
      sealRecord(record, 0, length, this.#next++);
      return record;
    });
    return this.#lane.send(this.client, stretchMessage(this.journal, Buffer.concat(records)));
  }
}
