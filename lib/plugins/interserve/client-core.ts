import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { Lane, PluginHost } from '../../bus/plugin.ts';
import { Receivers } from './endpoint-registry.ts';
import { EndpointClient } from './http/endpoint-client.ts';
import type { ClientOptions } from './options.ts';
import type { Profile } from './profile.ts';
import { FairSemaphore } from './transfers/fair-share.ts';

/** How long an HTTP response may lag behind the same news over the bus. */
export const responseMs = 200;

/** What downloads and uploads share on the client. */
export class ClientCore {
  readonly options: ClientOptions;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly lane: Lane;
  readonly profile: Profile;
  readonly receivers = new Receivers();
  readonly semaphore: FairSemaphore;
  readonly http: EndpointClient;
  readonly report: (error: unknown) => void;

  constructor(host: PluginHost, lane: Lane, options: ClientOptions, profile: Profile) {
    this.options = options;
    this.timeoutMs = options.timeout * 1000;
    this.clock = host.clock;
    this.random = host.random;
    this.lane = lane;
    this.profile = profile;
    this.semaphore = new FairSemaphore(options.transfers);
    this.http = new EndpointClient({ tls: options.tls ?? host.tls, hosts: options.hosts });
    this.report = (error) => host.report(error);
    for (const peer of host.peers) this.http.connected(peer);
    host.onConnect((peer) => this.http.connected(peer));
  }
}
