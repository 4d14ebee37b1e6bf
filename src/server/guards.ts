import type { Config } from '../config/schema.ts';
import { AddressPlaces } from './address-places.ts';
import { Gate } from './tokens.ts';

/** Who may do what, and how much of it. */
export interface Guards {
  gate: Gate;
  places: AddressPlaces;
}

/** @throws DepthcastError BAD_CONFIG where a key of tokens cannot be read */
export function createGuards(config: Config): Guards {
  return { gate: new Gate(config), places: new AddressPlaces(config.limits) };
}
