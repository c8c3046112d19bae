import { resolveOptions } from '../../base/options.ts';
import type { Plugin, PluginHost } from '../../bus/plugin.ts';
import { defaultRegistry, metricsIn } from './metrics.ts';
import { type TelemetryOptions, telemetryTable } from './options.ts';
import { spansOf } from './spans.ts';

/**
 * Traces by OpenTelemetry, and metrics for Prometheus: `server.use(telemetry())` and `client.use(telemetry())`, before `start()`
 * and `connect()`. Spans need the package `@opentelemetry/api` and an SDK that is registered with it; `metrics: true` needs
 * `prom-client`. `use` throws `ERR_PLUGIN` for a package that is not installed, `ERR_INVALID_OPTION`.
 */
export function telemetry(options: TelemetryOptions = {}): Plugin<undefined> {
  return {
    name: 'telemetry',
    install: (host: PluginHost) => {
      const settings = resolveOptions('telemetry()', telemetryTable, options);
      const { spans, metrics, bus = host.side } = settings;
      if (spans !== 'off') host.trace(spansOf(settings, host));
      const registry = metrics === true ? defaultRegistry() : metrics;
      const remove = registry === false ? undefined : metricsIn(registry).add(bus, host);
      return { api: undefined, dispose: () => remove?.() };
    },
  };
}
