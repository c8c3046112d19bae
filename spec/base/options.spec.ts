import { expect } from 'chai';
import { describe, it } from 'mocha';
import { callback, custom, flag, integer, oneOf, resolveOptions, text } from '../../lib/base/options.ts';
import { clientOptions, serverOptions } from '../../lib/bus/options.ts';

const table = {
  retries: integer({ default: 3, min: 0, max: Infinity }),
  maxBytes: integer({ default: 10, min: 1, max: 100, unit: 'bytes' }),
  reconnect: flag({ default: true }),
  path: text({}),
  mode: oneOf({ choices: ['wait', 'drop'], default: 'wait' }),
  onDone: callback<() => void>({}),
  tls: custom<boolean | object | undefined>({
    type: 'boolean or object',
    default: undefined,
    accepts: (value) => typeof value === 'boolean' || typeof value === 'object',
  }),
};

function refusal(given: unknown, others?: 'ignored'): { code?: string; message?: string } {
  try {
    resolveOptions('Thing', table, given as object, others);
  } catch (error) {
    return error as { code: string; message: string };
  }
  return {};
}

describe('options', () => {
  it('nothing given - resolves the defaults, frozen', () => {
    const resolved = resolveOptions('Thing', table);
    expect(resolved).to.deep.equal({
      retries: 3,
      maxBytes: 10,
      reconnect: true,
      path: undefined,
      mode: 'wait',
      onDone: undefined,
      tls: undefined,
    });
    expect(Object.isFrozen(resolved)).to.equal(true);
  });

  it('undefined - counts as absent, also for a name that is not known', () => {
    expect(resolveOptions('Thing', table, { retries: undefined, other: undefined })).to.include({ retries: 3 });
  });

  it('what was given - is copied, and later changes to it change nothing', () => {
    const given = { retries: 5 };
    const resolved = resolveOptions('Thing', table, given);
    given.retries = 6;
    expect(resolved.retries).to.equal(5);
  });

  const unknown: [string, string][] = [
    ['recconnect', 'Thing has no option "recconnect", did you mean "reconnect"?'],
    ['RETRIES', 'Thing has no option "RETRIES", did you mean "retries"?'],
    ['maxByte', 'Thing has no option "maxByte", did you mean "maxBytes"?'],
    ['somethingElse', `Thing has no option "somethingElse"; there are ${Object.keys(table).join(', ')}`],
    ['constructor', `Thing has no option "constructor"; there are ${Object.keys(table).join(', ')}`],
  ];
  for (const [name, message] of unknown) {
    it(`unknown ${name} - is refused by name`, () => {
      expect(refusal({ [name]: 1 })).to.include({ code: 'ERR_INVALID_OPTION', message });
    });
  }

  const own = ['name', 'botId', 'shards', 'debug', 'token', 'id', 'map', 'key', 'author', 'somethingElse', 'toString'];
  for (const name of own) {
    it(`${name} - is ignored where others are, whatever it is`, () => {
      const resolved = resolveOptions('Thing', table, { [name]: { any: 1 }, retries: 5 }, 'ignored');
      expect(resolved).to.deep.equal(resolveOptions('Thing', table, { retries: 5 }));
    });
  }

  for (const name of ['recconect', 'reconect', 'maxretries', 'Path', 'pth', 'RETRIES', 'maxByte', 'ondone', 'modes']) {
    it(`${name} - is refused as a misspelt one also where others are ignored`, () => {
      expect(refusal({ [name]: 1 }, 'ignored').message).to.match(/no option ".*", did you mean "/);
    });
  }

  it('a setting of TLS beside the option tls - is refused as a misplaced one also where others are ignored', () => {
    expect(refusal({ tls: true, requestCert: true }, 'ignored').message).to.contain('"tls: { requestCert }"');
  });

  it('"__proto__" given as an own member - is refused by name', () => {
    expect(refusal(JSON.parse('{"__proto__": 1}')).message).to.contain('__proto__');
  });

  const wrong: [string, unknown, string][] = [
    ['maxBytes', 0, 'Thing option "maxBytes" must be integer from 1 to 100, got 0'],
    ['maxBytes', 101, 'Thing option "maxBytes" must be integer from 1 to 100, got 101'],
    ['maxBytes', 1.5, 'Thing option "maxBytes" must be integer from 1 to 100, got 1.5'],
    ['maxBytes', Number.NaN, 'Thing option "maxBytes" must be integer from 1 to 100, got NaN'],
    ['maxBytes', '10', 'Thing option "maxBytes" must be integer from 1 to 100, got "10"'],
    ['maxBytes', Infinity, 'Thing option "maxBytes" must be integer from 1 to 100, got Infinity'],
    ['retries', -1, 'Thing option "retries" must be integer from 0 to Infinity, got -1'],
    ['reconnect', 'yes', 'Thing option "reconnect" must be boolean, got "yes"'],
    ['reconnect', null, 'Thing option "reconnect" must be boolean, got null'],
    ['path', '', 'Thing option "path" must be string, got ""'],
    ['mode', 'drop-all', `Thing option "mode" must be 'wait' | 'drop', got "drop-all"`],
    ['onDone', {}, 'Thing option "onDone" must be function, got an object'],
    ['tls', [].length, 'Thing option "tls" must be boolean or object, got 0'],
  ];
  for (const [name, value, message] of wrong) {
    it(`${name}: ${JSON.stringify(value) ?? 'undefined'} (${typeof value}) - is refused, with what it takes`, () => {
      expect(refusal({ [name]: value })).to.include({ code: 'ERR_INVALID_OPTION', message });
    });
  }

  it('Infinity - is taken where the range says so', () => {
    expect(resolveOptions('Thing', table, { retries: Infinity }).retries).to.equal(Infinity);
  });

  for (const given of [null, 5, 'path', [], () => {}]) {
    it(`${JSON.stringify(given) ?? 'a function'} instead of options - is refused`, () => {
      expect(refusal(given)).to.include({ code: 'ERR_INVALID_OPTION' });
    });
  }

  for (const [name, options] of Object.entries({ serverOptions, clientOptions })) {
    it(`${name} - every default is a value that the option takes`, () => {
      for (const [option, spec] of Object.entries(options)) {
        if (spec.default !== undefined) expect(spec.accepts(spec.default), option).to.equal(true);
      }
    });
  }
});
