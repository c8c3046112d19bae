import { randomBytes } from 'node:crypto';
import { Client, type ClientOptions, type Lane, type PluginHost } from '../../../lib/index.ts';
import { leaveQuestion, stretchMessage } from '../../../lib/plugins/journal/format/lane-messages.ts';
import { recordHeaderBytes, sealRecord } from '../../../lib/plugins/journal/log/record.ts';
import { messageHead } from '../../../lib/plugins/journal/format/message-record.ts';

const newId = (): string => randomBytes(16).toString('base64url');

/** A client that speaks for a journal without having one, and says what it likes. */
export class RawSender {
  readonly client: Client;
  /** The one that it opens. */
  folder: string;
  readonly journal = newId();
  readonly acknowledged: unknown[] = [];
  #lane!: Lane;
  #next = 1;
  /** The last one that was sent since it was opened. */
  #sent = 0;

  private constructor(path: string, folder: string, options: Omit<ClientOptions, 'path'>) {
    this.folder = folder;
    this.client = new Client({ path, ...options });
    this.client.use({
      name: 'journal',
      install: (host: PluginHost) => {
        this.#lane = host.lane({ message: (data) => void this.acknowledged.push(data) });
        return { api: undefined };
      },
    });
  }

  /** Connected, and open for its one journal. */
  static async connect(path: string, folder = newId(), options: Omit<ClientOptions, 'path'> = {}): Promise<RawSender> {
    const sender = new RawSender(path, folder, options);
    await sender.client.connect();
    await sender.open([[sender.journal, 0]]);
    return sender;
  }

  /** Resolves what the receiver has of each. */
  async open(journals: readonly (readonly [string, number])[]): Promise<unknown> {
    const [, had] = (await this.#lane.request(this.client, [this.folder, journals])) as [number, unknown];
    this.#sent = 0;
    return had;
  }

  /** Resolves with what the receiver answers to that. */
  request(question: unknown): Promise<unknown> {
    return this.#lane.request(this.client, question);
  }

  say(message: unknown): Promise<void> {
    return this.#lane.send(this.client, message);
  }

  /** Asks for the answers of requests. */
  ask(asked: readonly (readonly [id: string, digest: string])[]): Promise<unknown> {
    return this.#lane.request(this.client, ['ask', asked]);
  }

  leave(): Promise<unknown> {
    return this.#lane.request(this.client, leaveQuestion);
  }

  /** Sends messages whose data is these bytes, as those that follow that sequence. */
  send(bodies: readonly Uint8Array[], follows = this.#sent): Promise<void> {
    const records = bodies.map((body) => recordOf(this.#next++, body));
    this.#sent = this.#next - 1;
    return this.sendRecords(records, follows);
  }

  sendRecords(records: readonly Uint8Array[], follows = 0, journal = this.journal): Promise<void> {
    return this.say(stretchMessage({ journal, follows }, Buffer.concat(records)));
  }
}

/** One message, or what else has that head, as it stands in a journal. */
export function recordOf(sequence: number, body: Uint8Array, head = messageHead(0)): Buffer {
  const length = head.length + body.length;
  const record = Buffer.alloc(recordHeaderBytes + length);
  record.set(head, recordHeaderBytes);
  record.set(body, recordHeaderBytes + head.length);
  sealRecord(record, 0, length, sequence);
  return record;
}
