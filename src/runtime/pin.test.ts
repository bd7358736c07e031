import { describe, expect, it } from 'vitest';
import { assertGlibc, requiredGlibc } from './glibc.ts';
import { archOfMachine, defaultVersion, findPin, findWheelPin, libraryNames, pinnedVersions } from './pin.ts';
import { pins } from './pins.ts';

describe('the pin table', () => {
  it('has the default version first and for both architectures, and at least three older ones', () => {
    for (const arch of ['x86_64', 'aarch64'] as const) {
      expect(pinnedVersions(arch)[0]).toBe(defaultVersion);
      expect(pinnedVersions(arch).length).toBeGreaterThanOrEqual(4);
    }
  });

  it('has one row for each version and architecture, and no digest twice among wheels', () => {
    expect(new Set(pins.map((pin) => `${pin.version} ${pin.arch}`)).size).toBe(pins.length);
    expect(new Set(pins.map((pin) => pin.wheelSha256)).size).toBe(pins.length);
  });

  it.each(pins)('is well formed for $version on $arch', (pin) => {
    expect(pin.package).toBe(pin.arch === 'x86_64' ? 'tensorflow-cpu' : 'tensorflow');
    expect(pin.wheel).toBe(`${pin.package.replace('-', '_')}-${pin.version}-cp311-cp311-${pin.platformTags.join('.')}.whl`);
    expect(pin.platformTags.every((tag) => tag.endsWith(pin.arch))).toBe(true);
    expect(pin.files.map((file) => file.name)).toEqual(expect.arrayContaining([libraryNames.cc, libraryNames.framework]));
    expect(pin.files.some((file) => /LICENSE|NOTICES/.test(file.name))).toBe(true);
    for (const file of pin.files) {
      expect(file.name).toMatch(/^[\w.-]+$/);
      expect(file.entry.split('/').at(-1)).toBe(file.name);
      expect(file.sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(file.bytes).toBeGreaterThan(0);
    }
    expect(pin.wheelSha256).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('findPin', () => {
  it('names the pinned versions when it has none, and shows no terminal escape', () => {
    expect(() => findPin('1.15.0', 'x86_64')).toThrow(
      expect.objectContaining({ code: 'RUNTIME_VERSION_UNKNOWN', message: expect.stringContaining('2.21.0, 2.20.0') }),
    );
    expect(() => findPin('\u001b[2J', 'x86_64')).toThrow('\\u{1b}[2J');
  });
});

describe('archOfMachine', () => {
  it('knows Linux on x86_64 and aarch64', () => {
    expect(archOfMachine('linux', 'x64')).toBe('x86_64');
    expect(archOfMachine('linux', 'arm64')).toBe('aarch64');
  });

  it.each([
    ['darwin', 'arm64'],
    ['win32', 'x64'],
    ['linux', 'riscv64'],
    ['linux', 'constructor'],
  ])('refuses %s on %s', (platform, arch) => {
    expect(() => archOfMachine(platform, arch)).toThrow(expect.objectContaining({ code: 'PLATFORM_UNSUPPORTED' }));
  });
});

describe('assertGlibc', () => {
  const pin = findWheelPin(defaultVersion, 'x86_64');

  it('reads the oldest glibc that the tags promise', () => {
    expect(requiredGlibc(pin.platformTags)).toEqual({ major: 2, minor: 27 });
    expect(requiredGlibc(['manylinux_2_28_x86_64', 'manylinux_2_17_x86_64', 'manylinux2014_x86_64'])).toEqual({
      major: 2,
      minor: 17,
    });
    expect(requiredGlibc(['manylinux2014_x86_64'])).toEqual({ major: 2, minor: 17 });
  });

  it('accepts the same and newer ones', () => {
    assertGlibc(pin, { major: 2, minor: 27 });
    assertGlibc(pin, { major: 2, minor: 36 });
    assertGlibc(pin, { major: 3, minor: 0 });
  });

  it('refuses an older one and, by name, another C library', () => {
    expect(() => assertGlibc(pin, { major: 2, minor: 26 })).toThrow('needs glibc 2.27 or newer, and this system has glibc 2.26');
    expect(() => assertGlibc(pin, null)).toThrow('and this system has another C library');
  });
});
