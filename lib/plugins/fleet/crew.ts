import { GuardedEmitter } from '#emitter';
import { BusError } from '../../base/errors.ts';
import type { PluginHost } from '../../bus/plugin.ts';
import { KeptPorts } from '../../transport/kept-port.ts';
import { checkBody, firstSocket } from './body.ts';
import type { DownReason, FleetEvents, FleetProcess } from './fleet-process.ts';
import { Group } from './group.ts';
import { type GroupSettings, type Groups, groupSettings } from './group-options.ts';
import { HubEnd } from './hub-end.ts';
import { Order } from './order.ts';
import { Output } from './output.ts';
import type { Place } from './place.ts';
import { type Measured, Usage } from './usage.ts';
import { Worker } from './worker.ts';

/** What a fleet takes beside its groups. */
export interface FleetSettings {
  /** Whether lines of `output: 'prefix'` are printed; the event `line` tells them in any case. By default `true`. */
  readonly print?: boolean | undefined;
}

/** A process, and where it belongs. */
class Watched implements Measured {
  readonly group: GroupSettings;
  readonly place: Place;
  readonly worker: Worker;

  constructor(group: GroupSettings, place: Place, worker: Worker) {
    this.group = group;
    this.place = place;
    this.worker = worker;
  }

  get pid(): number | undefined {
    return this.group.thread ? undefined : this.worker.body.pid;
  }

  requests(): number {
    return this.worker.peer?.requestsAsked ?? 0;
  }
}

/** The processes of a server: started in order, watched, replaced, and ended in order. */
export class Crew extends GuardedEmitter<FleetEvents> {
  readonly #host: PluginHost;
  readonly #hub: HubEnd;
  readonly #order: Order;
  readonly #groups = new Map<string, Group>();
  readonly #ports = new Map<string, KeptPorts>();
  readonly #usage: Usage<Watched>;
  readonly #watched = new Map<Worker, Watched>();
  readonly #output: Output;
  readonly #cascades = new Map<string, Promise<void>>();
  #isOn = false;
  #stopping: Promise<void> | undefined;

  /** Made by `server.use(fleet({ … }))` only. */
  constructor(host: PluginHost, groups: Groups, settings: FleetSettings = {}) {
    super((error) => host.report(error));
    this.#host = host;
    const all = groupSettings(groups);
    this.#order = new Order(all);
    for (const one of all) this.#groups.set(one.name, this.#groupOf(one));
    this.#hub = new HubEnd(host);
    this.#output = new Output(host.clock, settings.print ?? true);
    this.#usage = new Usage(
      host.clock,
      () => this.#watched.values(),
      (watched, { memoryBytes = 0 }) => {
        const { maxMemoryBytes = Number.POSITIVE_INFINITY } = watched.group;
        if (memoryBytes > maxMemoryBytes && watched.worker.state === 'up') void watched.place.recycle('memory');
      },
    );
    host.onClose(() => this.stop());
  }

  /**
   * Starts the groups, each when those before it are ready. Resolves when every process is ready, also if they were
   * before. Rejects with the first `ERR_SPAWN` of a process that could not be started, while the others continue; with
   * `ERR_ADDRESS_IN_USE` or `ERR_LISTEN` for a port, and `ERR_SPAWN` for a missing file, and then none is started; and
   * with `ERR_CLOSED` when it is stopped before.
   */
  async start(): Promise<void> {
    if (this.#stopping !== undefined) await this.#stopping;
    this.#open();
    const started = new Map<string, Promise<void>>();
    for (const name of this.#order.names) {
      const before = this.#order.before(name).flatMap((other) => started.get(other) ?? []);
      started.set(name, this.#startBehind(this.#group(name), before));
    }
    await Promise.all(started.values());
  }

  /**
   * Ends the groups, each when those that come after it have ended. Each process ends in order: what it does for other members goes
   * to others, its connection is closed, and it ends when its client has closed; within `stopTimeoutMs`, after which it is killed. Resolves
   * when none is left.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop().finally(() => {
      this.#stopping = undefined;
    });
    return this.#stopping;
  }

  /**
   * Replaces the processes of a group, one after the other: when another one is ready, the one before ends in order. A
   * process that is not running is started. Rejects with `ERR_SPAWN` if one does not get ready, and stops there: the
   * one before continues. Rejects with `ERR_INVALID_ARGUMENT` for an unknown group, `ERR_STATE` before `start()`,
   * `ERR_CLOSED` when it is stopped before.
   */
  async restart(group: string): Promise<void> {
    await this.#group(group).restart();
  }

  /** Gives a group another number of processes. Resolves when they are ready and the others have ended. Rejects as `restart`. */
  async scale(group: string, count: number): Promise<void> {
    if (!Number.isSafeInteger(count) || count < 0 || count > 10_000) {
      throw new BusError('ERR_INVALID_ARGUMENT', 'A group is scaled to an integer from 0 to 10000');
    }
    await this.#group(group).scale(count);
  }

  /** All processes and empty places, by groups in the order they were given, and numbers. */
  status(): FleetProcess[] {
    return [...this.#groups.values()].flatMap(({ settings, places }) =>
      places.flatMap((place) => {
        const watched = place.workers.flatMap((worker) => this.#watched.get(worker) ?? []);
        if (watched.length > 0) return watched.map((one) => this.#entry(one));
        return [emptyPlace(settings, place)];
      }),
    );
  }

  /** @internal In `stats().plugins.fleet`. */
  counts(): object {
    const all = this.status();
    const inState = (state: FleetProcess['state']): number => all.filter((one) => one.state === state).length;
    return {
      groups: this.#groups.size,
      up: inState('up'),
      starting: inState('starting'),
      draining: inState('draining'),
      waiting: inState('waiting'),
      givenUp: inState('given-up'),
      restarts: all.reduce((sum, { restarts }) => sum + restarts, 0),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #open(): void {
    if (this.#isOn) return;
    for (const name of this.#order.names) checkBody(this.#group(name).settings);
    try {
      for (const { settings } of this.#groups.values()) {
        this.#ports.set(settings.name, new KeptPorts(settings.places, firstSocket, `Group ${settings.name}`));
      }
    } catch (error) {
      this.#closePorts();
      throw error;
    }
    this.#isOn = true;
    this.#usage.begin();
    process.on('exit', this.#atExit);
  }

  async #startBehind(group: Group, before: readonly Promise<void>[]): Promise<void> {
    group.wait();
    await Promise.all(before);
    if (!this.#isOn || this.#stopping !== undefined) throw new BusError('ERR_CLOSED', 'The fleet was stopped');
    await group.start();
  }

  async #stop(): Promise<void> {
    const stopped = new Map<string, Promise<void>>();
    for (const name of [...this.#order.names].reverse()) {
      const behind = this.#order.waitingFor(name).flatMap((other) => stopped.get(other) ?? []);
      stopped.set(
        name,
        Promise.all(behind).then(() => this.#group(name).stop('stopped')),
      );
    }
    await Promise.all(stopped.values());
    this.#closePorts();
    this.#usage.end();
    process.off('exit', this.#atExit);
    this.#isOn = false;
    await this.#output.flush();
  }

  #closePorts(): void {
    for (const ports of this.#ports.values()) ports.close();
    this.#ports.clear();
  }

  /** Those that have no link yet would not hear that this process has ended. */
  readonly #atExit = (): void => {
    for (const { peer, body } of this.#watched.keys()) if (peer === undefined) body.kill();
  };

  #groupOf(settings: GroupSettings): Group {
    const group: Group = new Group(settings, {
      settings,
      clock: this.#host.clock,
      unit: () => this.#host.random.unit(),
      make: (place) => this.#make(settings, place),
      up: (worker) => this.#tell('up', worker),
      down: (worker, _place, { exitCode, signal }) => {
        this.#tell('down', worker, worker.reason, exitCode, signal);
        this.#watched.delete(worker);
      },
      died: () => {
        if (settings.strategy === 'rest-for-one') this.#cascade(group);
      },
      givenUp: (place) => void this.fire('givenUp', emptyPlace(settings, place)),
    });
    return group;
  }

  #make(settings: GroupSettings, place: Place): Worker {
    const { clock } = this.#host;
    const sockets = this.#ports.get(settings.name) ?? { descriptors: [], env: {} };
    const worker = new Worker({ settings, number: place.number, sockets, clock }, this.#hub);
    const watched = new Watched(settings, place, worker);
    this.#watched.set(worker, watched);
    this.#output.read(worker, `${settings.name} ${place.number}`, (line, stream) => {
      this.fire('line', this.#entry(watched), line, stream);
    });
    return worker;
  }

  #tell(event: 'up' | 'down', worker: Worker, ...about: readonly unknown[]): void {
    const watched = this.#watched.get(worker);
    if (watched !== undefined) this.fire(event, this.#entry(watched), ...about);
  }

  /** Has the groups that come after this one end, and start again when it is ready. */
  #cascade(group: Group): void {
    const { name } = group.settings;
    if (this.#cascades.has(name)) return;
    const again = async (): Promise<void> => {
      const rest = this.#order.rest(name).map((other) => this.#group(other));
      for (const other of [...rest].reverse()) await other.stop('rest-for-one' satisfies DownReason);
      for (const one of [group, ...rest]) {
        if (!this.#isOn || this.#stopping !== undefined) return;
        await one.start();
      }
    };
    this.#cascades.set(
      name,
      again()
        .catch(() => {})
        .finally(() => this.#cascades.delete(name)),
    );
  }

  #group(name: string): Group {
    const group = this.#groups.get(name);
    if (group !== undefined) return group;
    const all = [...this.#groups.keys()].join(', ');
    throw new BusError('ERR_INVALID_ARGUMENT', `The fleet has no group "${name}"; there are ${all}`);
  }

  #entry(watched: Watched): FleetProcess {
    const { group, place, worker } = watched;
    const { memoryBytes, cpu, requestsPerSecond } = this.#usage.of(watched);
    return {
      group: group.name,
      number: place.number,
      pid: worker.body.pid,
      state: worker.state,
      upSince: worker.upSince,
      restarts: place.made - 1,
      memoryBytes,
      cpu,
      requestsPerSecond,
    };
  }
}

function emptyPlace({ name }: GroupSettings, { number, idle, made }: Place): FleetProcess {
  return {
    group: name,
    number,
    pid: undefined,
    state: idle,
    upSince: undefined,
    restarts: Math.max(0, made - 1),
    memoryBytes: undefined,
    cpu: undefined,
    requestsPerSecond: 0,
  };
}
