import type { Config } from '../config/schema.ts';
import { AddressPlaces } from './address-places.ts';
import { Authorizer } from './authorizer.ts';

/** Who may do what, and how much of it. */
export interface Guards {
  authorizer: Authorizer;
  places: AddressPlaces;
}

/** @throws DepthcastError BAD_CONFIG where a key of tokens cannot be read */
export function createGuards(config: Config): Guards {
  return { authorizer: new Authorizer(config), places: new AddressPlaces(config.limits) };
}
