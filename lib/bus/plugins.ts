import type { Clock } from '../base/clock.ts';
import { BusError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import { untilAborted } from '../base/wait.ts';
import type { Watcher, Watchers } from '../session/traffic.ts';
import type { EncodedMessage } from '../wire/dialect.ts';
import { askOptions, type AudienceSettings, laneAskNames } from './call-settings.ts';
import { Complaints } from './complaints.ts';
import type { Conversation } from './conversation.ts';
import { guarded, type Handling } from '../base/handling.ts';
import { traceBy } from './tracing/followed-frames.ts';
import type { Hooks } from './hooks.ts';
import type { BugReport, IncomingRequest } from './requests/incoming.ts';
import type { LaneSurveySettings } from './lane.ts';
import type {
  HttpHook,
  Lane,
  LaneHandlers,
  PeerHandle,
  Plugin,
  PluginHost,
  PluginInstance,
  ServerClients,
} from './plugin.ts';
import type { Stats } from './stats.ts';
import type { SurveyAnswer } from './survey-answer.ts';

/** What a server or client offers to its plugins. */
export interface PluginBase {
  readonly side: 'server' | 'client';
  readonly watchers: Watchers<PeerHandle>;
  readonly clock: Clock;
  readonly random: Random;
  readonly tls: object | undefined;
  readonly peers: () => Iterable<PeerHandle>;
  /** True once the server listens or the client dials, so that a late `onStart` runs at once. */
  readonly started: () => boolean;
  conversationWith(handle: PeerHandle): Conversation;
  readonly report: BugReport;
  readonly acceptLink: PluginHost['acceptLink'];
  /** These three as in `PluginHost`. */
  stats(): Stats;
  readonly clients: ServerClients | undefined;
  select(audience: AudienceSettings<PeerHandle>): Iterable<PeerHandle>;
  /** As `Lane.survey`. */
  survey(
    lane: string,
    peers: Iterable<PeerHandle>,
    data: unknown,
    settings?: LaneSurveySettings,
  ): Promise<SurveyAnswer<PeerHandle, unknown>[]>;
}

interface Installed {
  readonly name: string;
  readonly hooks: Hooks;
  handlers: LaneHandlers | undefined;
  instance: PluginInstance<unknown> | undefined;
}

/** The plugins of one server or client, by name and in the order they were installed. */
export class Plugins {
  readonly #base: PluginBase;
  readonly #report: BugReport;
  readonly #installed = new Map<string, Installed>();

  constructor(base: PluginBase) {
    this.#base = base;
    this.#report = new Complaints(base.clock, base.report).report;
  }

  /** Installs `plugin`; throws `ERR_PLUGIN` if it is not a plugin, its name is in use or a dependency is missing. */
  install(plugin: Plugin<unknown, unknown> | undefined, options: unknown): unknown {
    // A factory whose call was forgotten is a function, and so has a name.
    if (typeof plugin?.install !== 'function' || typeof plugin.name !== 'string' || plugin.name === '') {
      throw new BusError('ERR_PLUGIN', 'use needs a plugin');
    }
    const { name, dependencies = [] } = plugin;
    if (this.#installed.has(name)) throw new BusError('ERR_PLUGIN', `The plugin "${name}" is installed`);
    for (const dependency of dependencies) {
      if (!this.#installed.has(dependency)) {
        throw new BusError('ERR_PLUGIN', `The plugin "${name}" needs "${dependency}" before it`);
      }
    }
    const hooks: Hooks = {
      connect: [],
      disconnect: [],
      link: [],
      ready: [],
      start: [],
      close: [],
      http: [],
      stops: new Set(),
    };
    const installed: Installed = { name, hooks, handlers: undefined, instance: undefined };
    this.#installed.set(name, installed);
    try {
      installed.instance = plugin.install(this.#host(installed), options);
    } catch (error) {
      this.#installed.delete(name);
      throw error;
    }
    return installed.instance.api;
  }

  /** Rejects with what a hook fails with, or the reason of `signal`, which has no further one begun. */
  async runStart(signal: AbortSignal): Promise<void> {
    for (const { hooks } of this.#installed.values()) {
      for (const hook of hooks.start) await untilAborted(signal, Promise.resolve(hook()));
    }
  }

  /** Settles as those do whom a new session waits for; undefined where there are none. */
  runReady(): Promise<unknown> | undefined {
    const ready: Promise<void>[] = [];
    for (const { hooks } of this.#installed.values()) for (const hook of hooks.ready) ready.push(hook());
    return ready.length === 0 ? undefined : Promise.all(ready);
  }

  async runClose(): Promise<void> {
    for (const { hooks } of this.#inReverse()) {
      for (const hook of hooks.close) await this.#attempt(hook);
    }
  }

  /** Undoes every installation, the last one first. */
  async dispose(): Promise<void> {
    for (const installed of this.#inReverse()) {
      this.#installed.delete(installed.name);
      for (const stop of installed.hooks.stops) stop();
      await this.#attempt(() => installed.instance?.dispose?.());
    }
  }

  /** What those count that do, by their names. */
  stats(): Record<string, unknown> {
    const counted: [string, unknown][] = [];
    for (const { name, instance } of this.#installed.values())
      this.#guard(() => instance?.stats && counted.push([name, instance.stats()]));
    return Object.fromEntries(counted);
  }

  /** Until one of them ends the session: those that follow have learned of that by then. */
  connected(peer: PeerHandle, payload: unknown): void {
    const end = this.#base.conversationWith(peer);
    for (const { hooks } of this.#installed.values()) {
      for (const hook of hooks.connect) this.#guard(() => end.session && hook(peer, payload), peer);
    }
  }

  disconnected(peer: PeerHandle, reason: unknown): void {
    for (const { hooks } of this.#installed.values()) {
      for (const hook of hooks.disconnect) this.#guard(() => hook(peer, reason), peer);
    }
  }

  /** As `connected`. */
  linkChanged(peer: PeerHandle, up: boolean): void {
    const end = this.#base.conversationWith(peer);
    for (const { hooks } of this.#installed.values()) {
      for (const hook of hooks.link) this.#guard(() => end.session && hook(peer, up), peer);
    }
  }

  /** Hands a foreign HTTP link to the first plugin that takes those; false when none does. */
  http(): HttpHook | undefined {
    for (const { hooks } of this.#installed.values()) {
      const [hook] = hooks.http;
      if (hook !== undefined) return (...taken) => this.#guard(() => hook(...taken));
    }
    return undefined;
  }

  message(lane: string, data: unknown, peer: PeerHandle, handling?: Handling): void {
    const handler = this.#installed.get(lane)?.handlers?.message;
    if (handler === undefined) return;
    if (handling === undefined) this.#guard(() => handler(data, peer), peer);
    else
      handling.run(
        () => handler(data, peer),
        (error) => this.#report(error, peer),
      );
  }

  request(request: IncomingRequest, data: unknown): void {
    const handler = this.#installed.get(request.lane)?.handlers?.request;
    if (handler === undefined) {
      request.fail(new BusError('ERR_PEER_LACKS_FEATURE', `The peer runs without the plugin "${request.lane}"`));
      return;
    }
    request.run(() => handler(data, request), this.#report);
  }

  #host(installed: Installed): PluginHost {
    const { hooks, name } = installed;
    const base = this.#base;
    return {
      side: base.side,
      clock: base.clock,
      random: base.random,
      tls: base.tls,
      get peers() {
        return base.peers();
      },
      select: base.select,
      clients: base.clients,
      lane: (handlers) => {
        if (installed.handlers !== undefined)
          throw new BusError('ERR_PLUGIN', `The plugin "${name}" has a lane already`);
        installed.handlers = handlers;
        base.watchers.lanes.add(name);
        base.watchers.operations?.lore.set(name, handlers);
        return this.#lane(name);
      },
      onConnect: (hook) => hooks.connect.push(hook),
      onDisconnect: (hook) => hooks.disconnect.push(hook),
      onLink: (hook) => hooks.link.push(hook),
      onReady: (hook) => hooks.ready.push(hook),
      onStart: (hook) => {
        hooks.start.push(hook);
        if (base.started()) this.#guard(hook);
      },
      onClose: (hook) => hooks.close.push(hook),
      onHttp: (hook) => hooks.http.push(hook),
      acceptLink: base.acceptLink,
      stats: base.stats,
      show: (data) => base.watchers.redaction.show(data),
      watch: (watcher) => this.#watch(hooks, watcher),
      trace: (tracer) => void hooks.stops.add(traceBy(base.watchers.operations, tracer)),
      plugin: (other) => this.#installed.get(other)?.instance?.api,
      report: (error, peer) => this.#report(error, peer),
    };
  }

  #watch({ stops }: Hooks, watcher: Watcher<PeerHandle>): () => void {
    const remove = this.#base.watchers.add(watcher);
    const stop = (): void => {
      stops.delete(stop);
      remove();
    };
    stops.add(stop);
    return stop;
  }

  #lane(name: string): Lane {
    const { side } = this.#base;
    const conversationWith = (handle: PeerHandle): Conversation => this.#base.conversationWith(handle);
    return {
      // Not async, which would make a promise for each call.
      send: (handle, data, until) => {
        try {
          const peer = conversationWith(handle);
          return until ? peer.sendUntil(name, data, { until: askOptions(until) }) : peer.send(name, data);
        } catch (error) {
          return Promise.reject(error);
        }
      },
      trySend: (handle, data) => conversationWith(handle).trySend(name, data),
      request: (handle, data, options) => {
        try {
          return conversationWith(handle).request(name, data, askOptions(options, 10_000, laneAskNames));
        } catch (error) {
          return Promise.reject(error);
        }
      },
      broadcast: async (handles, data) => {
        const message: EncodedMessage = { data };
        const waits: Promise<unknown>[] = [];
        for (const handle of handles) {
          try {
            const conversation = conversationWith(handle);
            // A client has one peer, for whom nothing needs to be encoded apart.
            const wait = side === 'client' ? conversation.send(name, data) : conversation.sendEncoded(name, message);
            if (wait !== undefined) waits.push(wait.catch((error: unknown) => this.#report(error, handle)));
          } catch (error) {
            this.#report(error, handle);
          }
        }
        await Promise.all(waits);
      },
      survey: (handles, data, settings) => this.#base.survey(name, handles, data, settings),
    };
  }

  #inReverse(): Installed[] {
    return [...this.#installed.values()].reverse();
  }

  async #attempt(task: () => void | Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      this.#report(error);
    }
  }

  #guard(task: () => unknown, peer?: PeerHandle): void {
    guarded(task, this.#report, peer);
  }
}
