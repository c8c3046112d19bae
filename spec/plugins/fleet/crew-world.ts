import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { type BusError, Server } from '../../../lib/index.ts';
import { type Crew, fleet, type FleetProcess, type Groups } from '../../../lib/plugins/fleet/index.ts';
import { services, type ServicesHub } from '../../../lib/plugins/services/index.ts';
import { rejected } from '../../support/buses.ts';

/** What the processes run. */
export const file = fileURLToPath(new URL('./worker-program.js', import.meta.url));

/** Whether the process is there, and not only its entry for who started it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** A fleet of a server with services, and what was told of it. */
export class CrewWorld {
  readonly folder = mkdtempSync(join(tmpdir(), 'bb-'));
  readonly server = new Server({ path: join(this.folder, 'hub') });
  readonly hub: ServicesHub = this.server.use(services());
  readonly crew: Crew;
  readonly told: string[] = [];
  readonly lines: string[] = [];
  readonly #pids = new Set<number>();

  constructor(groups: Groups | ((folder: string) => Groups)) {
    const given = typeof groups === 'function' ? groups(this.folder) : groups;
    this.crew = this.server.use(fleet(given, { print: false }));
    const name = ({ group, number }: FleetProcess): string => `${group} ${number}`;
    this.crew.on('up', (process) => {
      this.told.push(`up ${name(process)}`);
    });
    this.crew.on('down', (process, reason, code, signal) => {
      this.#pids.add(process.pid ?? 0);
      this.told.push(`down ${name(process)} ${reason} ${code} ${signal}`);
    });
    this.crew.on('givenUp', (process) => this.told.push(`givenUp ${name(process)} ${process.state}`));
    this.crew.on('line', (process, line, stream) => this.lines.push(`${name(process)} ${stream}: ${line}`));
  }

  async start(): Promise<this> {
    await this.server.start();
    await this.crew.start();
    return this;
  }

  /** What `start` rejects with. */
  async failure(): Promise<BusError> {
    await this.server.start();
    return rejected(this.crew.start());
  }

  get states(): string[] {
    return this.crew.status().map(({ group, number, state }) => `${group} ${number} ${state}`);
  }

  pids(group: string): number[] {
    return this.crew.status().flatMap((one) => (one.group === group && one.pid !== undefined ? [one.pid] : []));
  }

  /** Ends all, and sees that nothing is left. */
  async end(): Promise<void> {
    await this.crew.stop();
    await this.server.close();
    rmSync(this.folder, { recursive: true, force: true });
    for (const pid of this.#pids) if (pid !== process.pid) expect(isAlive(pid), `process ${pid}`).to.equal(false);
  }
}
