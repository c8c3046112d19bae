import { createRequire } from 'node:module';
import { BusError } from '../../base/errors.ts';
import { codeOf } from '../../base/thrown.ts';

const load = createRequire(import.meta.url);

/** A package that only users of telemetry have. @throws BusError `ERR_PLUGIN` where it is not installed. */
export function installed<Package>(name: string): Package {
  try {
    return load(name) as Package;
  } catch (cause) {
    if (codeOf(cause) !== 'MODULE_NOT_FOUND') throw cause;
    throw new BusError(
      'ERR_PLUGIN',
      `The package ${name}, which busbar/telemetry needs, is not installed: npm install ${name}`,
      { cause },
    );
  }
}
