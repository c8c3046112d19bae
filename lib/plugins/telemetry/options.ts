import { callback, custom, flag, type Given, oneOf, type Resolved, text } from '../../base/options.ts';
import { isRegistry, type MetricsRegistry } from './metrics.ts';

/** Options of `telemetry()` on either side. */
export const telemetryTable = {
  /**
   * What gets a span: requests and their handlers, including surveys, remote calls and services (`requests`); also each
   * message (`all`); or nothing, and no context travels (`off`).
   */
  spans: oneOf({ choices: ['requests', 'all', 'off'], default: 'requests' }),
  /**
   * The share of requests without an active span, and with `all` of such messages, for which a span is begun. The others cost
   * next to nothing. The sampler of the SDK decides about those that are begun.
   */
  ratio: custom<number>({
    type: 'number',
    range: '0 to 1',
    default: 1,
    accepts: (value) => typeof value === 'number' && value >= 0 && value <= 1,
  }),
  /** With `all`: the span of a message at its receiver is a child of the span of its sender, instead of a link to it. */
  parent: flag({ default: true }),
  /** The name of a request or message on the user's own lane, made of its data. Default: `request` and `message`. */
  nameOf: callback<(data: unknown) => string | undefined>(),
  /** The registry of `prom-client` that gets the metrics; `true`: its default one. */
  metrics: custom<MetricsRegistry | boolean>({
    type: 'Registry',
    default: false,
    accepts: (value) => typeof value === 'boolean' || isRegistry(value),
  }),
  /** The label `bus` of the metrics, which servers and clients with the same one add up in. Default: `server` or `client`. */
  bus: text(),
};

export type TelemetryOptions = Given<typeof telemetryTable>;
export type TelemetrySettings = Resolved<typeof telemetryTable>;
