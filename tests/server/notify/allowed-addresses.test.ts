import { expect, it } from 'vitest';
import { createAllowedAddresses, isNetwork } from '../../../server/notify/allowed-addresses.ts';

const PUBLIC = ['1.1.1.1', '93.184.216.34', '172.32.0.1', '2606:4700::1111', '::ffff:1.1.1.1'];
const SPECIAL = [
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '127.0.0.1',
  '127.255.255.254',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  'fe80::1',
  'fe80::1%eth0',
  'fc00::1',
  'fd12:3456::1',
  'ff02::1',
  '64:ff9b::7f00:1',
  '2002:7f00:1::',
  '2001::1',
  '2001:db8::1',
  '::127.0.0.1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::ffff:a9fe:a9fe',
  '0:0:0:0:0:ffff:10.0.0.1',
  'no address',
  '',
];

it('allows addresses of the internet, and no special ones', () => {
  const { isAllowed } = createAllowedAddresses([]);
  expect(PUBLIC.filter((address) => !isAllowed(address))).toEqual([]);
  expect(SPECIAL.filter((address) => isAllowed(address))).toEqual([]);
});

it('allows what is named, and no more', () => {
  const allowed = createAllowedAddresses(['10.0.0.0/8', '127.0.0.1', 'fd00::/8', 'Gotify.lan']);
  const now = SPECIAL.filter((address) => allowed.isAllowed(address));
  expect(now).toEqual([
    '10.1.2.3',
    '127.0.0.1',
    'fd12:3456::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '0:0:0:0:0:ffff:10.0.0.1',
  ]);
  expect(['gotify.LAN', 'x.gotify.lan', '10.0.0.0'].filter(allowed.isNamed)).toEqual(['gotify.LAN']);
});

it('knows a network when it sees one', () => {
  const names = [
    '10.0.0.0/8',
    '::1',
    'fd00::/128',
    '10.0.0.0/33',
    '10.0.0/8',
    'a/8',
    '10.0.0.0/8/8',
    '::/129',
  ];
  expect(names.filter(isNetwork)).toEqual(['10.0.0.0/8', '::1', 'fd00::/128']);
});
