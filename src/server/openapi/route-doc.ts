import type { z } from 'zod';
import type { ErrorCode } from '../../errors.ts';

/** What a call needs where the server asks for tokens and `server.protect` names the area: a right of config/rights.ts. */
export type Right = 'none' | 'publish' | 'view' | 'duplex' | 'api' | 'metrics';

/** A body: JSON of a schema, or another type of content. */
export type Content = z.core.$ZodType | { type: string; about?: string };

export interface Answer {
  about: string;
  content?: Content;
  headers?: Record<string, string>;
}

/** What /api/openapi.json says of a route. */
export interface RouteDoc {
  tag: 'WebRTC' | 'Streams' | 'Sources' | 'Outputs' | 'Recording' | 'Server' | 'Pages';
  summary: string;
  right: Right;
  /** A second right that it takes. */
  also?: Right;
  about?: string;
  /** Parameters of the path that are no stream's name. */
  params?: Record<string, string>;
  /** An object's schema: a key is a parameter. */
  query?: z.core.$ZodType;
  headers?: Record<string, string>;
  body?: Content;
  bodyOptional?: boolean;
  answers: Record<number, Answer>;
  /** What it is likely to refuse with, beside what any call may be refused with. */
  errors?: readonly ErrorCode[];
}
