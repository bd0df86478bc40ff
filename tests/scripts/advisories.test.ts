import { describe, expect, it } from 'vitest';
import { findUnsound, nameOf } from '../../scripts/advisories.mjs';

describe('the audit without a registry', () => {
  const advisories = [{ id: 'CVE-1', package: '@a/b', fixed: ['3.15.2', '4.3.2'] }];
  const unsound = (version: string) =>
    findUnsound({ '': { version: '0.0.1' }, 'node_modules/x/node_modules/@a/b': { version } }, advisories)
      .length > 0;

  it.each([
    ['3.15.2', false],
    ['3.15.1', true],
    ['3.9.9', true],
    ['4.3.2', false],
    ['4.3.10', false],
    ['4.3.1', true],
    ['4.3.1-beta.9', true],
    ['2.0.0', true],
    ['5.0.0', false],
  ])('knows whether %s is below the first sound release of its major version', (version, expected) => {
    expect(unsound(version)).toBe(expected);
  });

  it('reads the name of a copy inside another package', () => {
    expect(nameOf('node_modules/ajv/node_modules/fast-uri')).toBe('fast-uri');
    expect(nameOf('node_modules/@fastify/static')).toBe('@fastify/static');
  });
});
