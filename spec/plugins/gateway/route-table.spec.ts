import { expect } from 'chai';
import { describe, it } from 'mocha';
import { RouteTable, routeMethods } from '../../../lib/plugins/gateway/http/route-table.ts';

function tableOf(...routes: string[]): RouteTable {
  const table = new RouteTable();
  for (const route of routes) table.add(route, 'GET');
  return table;
}

describe('route table', () => {
  const specific = ['/*', '/a/*', '/a/:p', '/a/:p/b', '/a/static', '/x/:p/c', '/x/:p/*', '/:p/y/z'];
  const cases: [path: string, route: string | undefined, params?: Record<string, string>][] = [
    ['/', '/*', { '*': '' }],
    ['/a', '/*', { '*': 'a' }],
    ['/a/', '/a/*', { '*': '' }],
    ['/a//b', '/a/*', { '*': '/b' }],
    ['/a/static', '/a/static', {}],
    ['/a/other', '/a/:p', { p: 'other' }],
    ['/a/other/b', '/a/:p/b', { p: 'other' }],
    ['/a/other/c', '/a/*', { '*': 'other/c' }],
    ['/x/1/c', '/x/:p/c', { p: '1' }],
    ['/x/1/d', '/x/:p/*', { p: '1', '*': 'd' }],
    ['/a/y/z', '/a/*', { '*': 'y/z' }],
    ['/q/y/z', '/:p/y/z', { p: 'q' }],
  ];

  for (const [path, route, params] of cases) {
    it(`specificity - ${path} goes to ${route}, whatever the order of registration`, () => {
      for (const order of [specific, specific.toReversed()]) {
        expect(tableOf(...order).find('GET', path)).to.deep.equal({ route, method: 'GET', params });
      }
    });
  }

  it('wildcard - "/foo/*" matches "/foo/" and below, not "/foo"', () => {
    const table = tableOf('/foo/*');
    expect(table.find('GET', '/foo')).to.equal(undefined);
    expect(table.find('GET', '/foo/')?.route).to.equal('/foo/*');
    expect(table.find('GET', '/foo/a/b')?.route).to.equal('/foo/*');
  });

  it('parameter - matches no empty segment', () => {
    const table = tableOf('/a/:p', '/b/:p/c');
    expect(table.find('GET', '/a/')).to.equal(undefined);
    expect(table.find('GET', '/b//c')).to.equal(undefined);
  });

  it("methods - all of a method's own routes are tried before ANY", () => {
    const table = tableOf('/*');
    table.add('/exact', 'ANY');
    expect(table.find('GET', '/exact')?.route).to.equal('/*');
    expect(table.find('POST', '/exact')?.route).to.equal('/exact');
    expect(table.find('PROPFIND', '/exact')?.route).to.equal('/exact');
    expect(table.find('POST', '/other')).to.equal(undefined);
  });

  it('path - is matched as it came: case counts, percent-encoding is not undone, dots mean nothing', () => {
    const table = tableOf('/foo', '/a%20b', '/d/:p');
    expect(table.find('GET', '/FOO')).to.equal(undefined);
    expect(table.find('GET', '/%66oo')).to.equal(undefined);
    expect(table.find('GET', '/a b')).to.equal(undefined);
    expect(table.find('GET', '/a%20b')?.route).to.equal('/a%20b');
    expect(table.find('GET', '/x/../foo')).to.equal(undefined);
    expect(table.find('GET', '/foo/')).to.equal(undefined);
    expect(table.find('GET', '/d/a%2Fb')).to.deep.equal({ route: '/d/:p', method: 'GET', params: { p: 'a/b' } });
    expect(table.find('GET', '/d/%zz')).to.deep.equal({ route: '/d/:p', method: 'GET', params: { p: '%zz' } });
    expect(table.find('GET', '/d/%25zz%')).to.deep.equal({ route: '/d/:p', method: 'GET', params: { p: '%25zz%' } });
  });

  it('literal - characters of other pattern languages stand for themselves', () => {
    const table = tableOf('/a(b)', '/c*', '/d:e', '/f?', '/g;h', '/i.:j');
    for (const path of ['/a(b)', '/c*', '/d:e', '/g;h', '/i.:j']) expect(table.find('GET', path)?.route).to.equal(path);
    for (const path of ['/ab', '/cx', '/dx', '/f', '/', '/g', '/i.x'])
      expect(table.find('GET', path)).to.equal(undefined);
  });

  it('parameter - may be as long as a path may be, and named like a member of Object', () => {
    const long = 'x'.repeat(3000);
    const found = tableOf('/:__proto__/:constructor').find('GET', `/${long}/b`);
    expect(Object.entries(found?.params ?? {})).to.deep.equal([
      ['__proto__', long],
      ['constructor', 'b'],
    ]);
  });

  it('paths that start with no slash match nothing', () => {
    for (const path of ['', '*', 'foo']) expect(tableOf('/*').find('GET', path)).to.equal(undefined);
  });

  it('add - refuses a wrong method, a second time, a lost wildcard and too many segments, each by name', () => {
    const table = tableOf('/a', '/b/:x');
    const refused: [route: string, method: string, message: RegExp][] = [
      ['/a', 'TRACE', /Failed to add HTTP route \(invalid method: TRACE\)/],
      ['/a', 'get', /invalid method: get/],
      ['/a', 'GET', /Failed to add HTTP route \(already registered: \/a\)/],
      ['/b/:y', 'GET', /\/b\/:y matches the same requests as another route/],
      ['/a/*/b', 'GET', /wildcard is not the last/],
      ['a', 'GET', /does not start with a slash/],
      ['/:', 'GET', /without a unique name/],
      ['/:a/:a', 'GET', /without a unique name/],
      [`/${'a/'.repeat(100)}`, 'GET', /more than 100 segments/],
    ];
    for (const [route, method, message] of refused) {
      expect(() => table.add(route, method), route)
        .to.throw(message)
        .with.property('code', 'ERR_INVALID_ARGUMENT');
    }
    // @ts-expect-error: what a caller without types could do
    expect(() => table.add(7, 'GET')).to.throw(/not a string/);
    expect(table.get('GET')).to.deep.equal(['/a', '/b/:x']);
  });

  it('lists - keep the order of registration per method, and lose what was removed', () => {
    const table = tableOf('/z', '/a', '/:p');
    table.add('/any', 'ANY');
    expect(Object.keys(table.all())).to.have.members([...routeMethods]);
    expect(table.all().GET).to.deep.equal(['/z', '/a', '/:p']);
    expect(table.remove('/a', 'GET')).to.equal(true);
    expect(table.remove('/a', 'GET')).to.equal(false);
    expect(table.remove('/a', 'POST')).to.equal(false);
    expect(table.get('GET')).to.deep.equal(['/z', '/:p']);
    expect(table.find('GET', '/a')?.route).to.equal('/:p');
    table.add('/a', 'GET');
    expect(table.find('GET', '/a')?.route).to.equal('/a');
    expect(() => (table.get('GET') as string[]).push('/x')).to.throw();
  });
});
