import { join as pathOf } from 'node:path';
import { argumentsOf } from '../program.ts';
import { Area } from './area.ts';
import type { Offers } from './contract.ts';
import { member, untilAnswered } from './member.ts';

// A zone worker: it owns areas of the map, those that the hub gives it.

const [folder] = argumentsOf('FOLDER');
const { mine, join } = member();
const world = mine.service<Offers['world']>('world').key('world');
const areas = new Set<Area>();

mine.own('area', {
  methods: ['take', 'population', 'stop', 'report'],
  async open(key) {
    const area = await Area.open(Number(key), pathOf(folder, `area-${key}`), (tick) =>
      world.call.tick(tick, untilAnswered),
    );
    areas.add(area);
    return area;
  },
  close,
  lost: (area) => void close(area),
});
const census: Offers['census'] = {
  population: () => [...areas].reduce((all, area) => all + area.population(), 0),
};
mine.provide('census', census);
await join();

async function close(area: Area): Promise<void> {
  areas.delete(area);
  await area.close();
}
