import type { Security } from '../support/interop-tls.ts';

export interface Transport {
  readonly name: string;
  readonly unix: boolean;
  readonly security: Security;
  readonly handshake: boolean;
}

export interface Codec {
  readonly name: string;
  readonly messagepack: boolean;
  readonly compress: boolean;
}

export const roles = ['busbar client, net-ipc server', 'net-ipc client, busbar server'] as const;
export type Role = (typeof roles)[number];

export const transports: readonly Transport[] = [
  { name: 'unix socket', unix: true, security: 'none', handshake: false },
  { name: 'TCP', unix: false, security: 'none', handshake: false },
  { name: 'TLS with a certificate', unix: false, security: 'certificate', handshake: false },
  { name: 'TLS with PSK', unix: false, security: 'psk', handshake: false },
  { name: 'HTTP upgrade', unix: false, security: 'none', handshake: true },
];

export const codecs: readonly Codec[] = [
  { name: 'JSON', messagepack: false, compress: false },
  { name: 'MessagePack', messagepack: true, compress: false },
  { name: 'deflate', messagepack: false, compress: true },
  { name: 'MessagePack and deflate', messagepack: true, compress: true },
];

export const verbs = [
  'send',
  'request',
  'survey',
  'broadcast',
  'ping',
  'close with a reason',
  'pause and resume',
  'destroy',
] as const;
export type Verb = (typeof verbs)[number];

/** Which cells of the matrix went well. */
export class Outcomes {
  readonly #passed = new Set<string>();

  passed(role: Role, transport: Transport, codec: Codec, verb: Verb): void {
    this.#passed.add([role, transport.name, codec.name, verb].join());
  }

  /** The table as `docs/migrating-from-net-ipc.md` has it. */
  table(): string {
    const rows = roles.flatMap((role) =>
      transports.map((transport) => {
        const cells = codecs.map((codec) => {
          const good = verbs.filter((verb) => this.#passed.has([role, transport.name, codec.name, verb].join()));
          return `${good.length} of ${verbs.length}`;
        });
        return [role, transport.name, ...cells];
      }),
    );
    const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
    const head = ['ends', 'over', ...codecs.map(({ name }) => name)];
    return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
  }
}
