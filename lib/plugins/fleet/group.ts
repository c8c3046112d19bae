import { BusError } from '../../base/errors.ts';
import type { DownReason } from './fleet-process.ts';
import type { GroupSettings } from './group-options.ts';
import { Place, type PlaceOwner } from './place.ts';

/** The places of a group. */
export class Group {
  readonly settings: GroupSettings;
  readonly #owner: PlaceOwner;
  #places: Place[] = [];
  /** Those that end permanently. */
  readonly #leaving = new Set<Place>();
  #isOn = false;
  /** Restarts and changes of the size follow each other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(settings: GroupSettings, owner: PlaceOwner) {
    this.settings = settings;
    this.#owner = owner;
    this.#resize(settings.count);
  }

  get places(): readonly Place[] {
    return [...this.#places, ...this.#leaving];
  }

  /** As `Place.wait`. */
  wait(): void {
    for (const place of this.#places) place.wait();
  }

  /** As `Place.start`, of all. */
  async start(): Promise<void> {
    this.#isOn = true;
    await Promise.all(this.#places.map((place) => place.start()));
  }

  /** As `Place.stop`, of all. */
  async stop(reason: DownReason): Promise<void> {
    this.#isOn = false;
    await Promise.all(this.places.map((place) => place.stop(reason)));
  }

  /** One after the other gets another process; as `Place.replace`. */
  restart(): Promise<void> {
    return this.#inTurn(async () => {
      for (const place of this.#places) {
        this.#checkOn();
        await place.replace('restarted');
      }
    });
  }

  /** Resolves when as many are ready, and the others have ended. */
  scale(count: number): Promise<void> {
    return this.#inTurn(async () => {
      this.#checkOn();
      const gone = this.#places.slice(count);
      this.#resize(count);
      const ending = gone.map(async (place) => {
        this.#leaving.add(place);
        await place.stop('scaled');
        this.#leaving.delete(place);
      });
      await Promise.all([this.start(), ...ending]);
    });
  }

  #resize(count: number): void {
    const places = this.#places.slice(0, count);
    while (places.length < count) places.push(new Place(places.length + 1, this.#owner));
    this.#places = places;
  }

  #checkOn(): void {
    if (!this.#isOn) throw new BusError('ERR_STATE', `Group ${this.settings.name} is not started`);
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    await done;
  }
}
