import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../support/root.ts';

const css = readFileSync(join(root, 'src', 'web', 'assets', 'refgate.css'), 'utf8');

/** WCAG 2.2, relative luminance. */
function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

/** The last value of each custom property: all of the file for light, and its dark blocks over them for dark. */
function properties(text: string): ReadonlyMap<string, string> {
  return new Map(
    [...text.matchAll(/(--[\w-]+): (#[0-9a-f]{6});/g)].map(([, name = '', value = '']) => [name, value]),
  );
}

const darkBlock = /@media \(prefers-color-scheme: dark\) \{\n {2}:root \{[^}]*\}\n\}/g;
const light = properties(css.replace(darkBlock, '').replace(/@media print \{[\s\S]*?\n\}/g, ''));
const dark = new Map([...light, ...properties((css.match(darkBlock) ?? []).join('\n'))]);

for (const [theme, colours] of [
  ['light', light],
  ['dark', dark],
] as const)
  test(`every colour of code is read on every ground of a diff, in the ${theme} theme`, () => {
    const code = [...colours].filter(([name]) => name.startsWith('--hl-'));
    assert.ok(code.length >= 8);
    for (const [name, colour] of [...code, ['--fg', colours.get('--fg') ?? ''] as const])
      for (const ground of ['--card', '--good-bg', '--bad-bg']) {
        const ratio = contrast(colour, colours.get(ground) ?? '');
        assert.ok(ratio >= 4.5, `${name} on ${ground}: ${ratio.toFixed(2)}`);
      }
    assert.ok(contrast(colours.get('--mask-fg') ?? '', colours.get('--mask-bg') ?? '') >= 4.5);
  });
