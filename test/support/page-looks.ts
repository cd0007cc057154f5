/** What can be measured of how a page looks: whether it fits the window, and whether its text can be told from what is behind it. */
import type { Page } from 'playwright-core';

/** Pixels that the page is wider than its window, and what reaches out. */
export function overflowOf(page: Page): Promise<{ readonly pixels: number; readonly by: readonly string[] }> {
  return page.evaluate(() => {
    const pixels = (document.scrollingElement?.scrollWidth ?? 0) - innerWidth;
    const by: string[] = [];
    if (pixels > 0)
      for (const element of document.querySelectorAll('body *')) {
        const right = element.getBoundingClientRect().right;
        const isInside = element.closest('.scroll, pre, .look-numbered, .look-chart');
        if (right > innerWidth + 0.5 && !isInside && by.length < 10)
          by.push(`${element.localName}.${element.className} to ${Math.round(right)}`);
      }
    return { pixels: Math.max(0, pixels), by };
  });
}

/** A piece of text whose contrast is too low. */
export interface Faint {
  readonly text: string;
  readonly ratio: number;
  readonly where: string;
}

/** Text that is seen with a contrast below `least` (WCAG 2.2: 4.5 for text of usual size), each place once. */
export function faintTexts(page: Page, least = 4.5): Promise<readonly Faint[]> {
  return page.evaluate((needed) => {
    type Colour = readonly [red: number, green: number, blue: number, alpha: number];
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const parse = (text: string): Colour => {
      const numbers = /^rgba?\(([^)]+)\)$/
        .exec(text)?.[1]
        ?.split(/[ ,/]+/)
        .map(Number);
      if (numbers !== undefined) return [numbers[0] ?? 0, numbers[1] ?? 0, numbers[2] ?? 0, numbers[3] ?? 1];
      if (canvas === null) return [0, 0, 0, 1];
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = text;
      canvas.fillRect(0, 0, 1, 1);
      const [red = 0, green = 0, blue = 0, alpha = 255] = canvas.getImageData(0, 0, 1, 1).data;
      return [red, green, blue, alpha / 255];
    };
    const over = (top: Colour, below: Colour): Colour => {
      const mix = (at: 0 | 1 | 2): number => top[at] * top[3] + below[at] * (1 - top[3]);
      return [mix(0), mix(1), mix(2), 1];
    };
    const behind = (element: Element): Colour => {
      const layers: Colour[] = [];
      for (let one: Element | null = element; one !== null; one = one.parentElement) {
        const colour = parse(getComputedStyle(one).backgroundColor);
        layers.push(colour);
        if (colour[3] === 1) break;
      }
      const isDark = matchMedia('(prefers-color-scheme: dark)').matches;
      const canvasColour: Colour = isDark ? [18, 18, 18, 1] : [255, 255, 255, 1];
      return layers.reduceRight((below, layer) => over(layer, below), canvasColour);
    };
    const light = ([red, green, blue]: Colour): number => {
      const part = (value: number): number => {
        const share = value / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      };
      return 0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue);
    };
    const faint = new Map<string, { text: string; ratio: number; where: string }>();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const element = node.parentElement;
      const text = node.textContent?.trim() ?? '';
      if (element === null || text === '' || element.closest('.unseen, script, option, [disabled]')) continue;
      if (!element.checkVisibility()) continue;
      const ground = behind(element);
      const isDrawn = element.closest('svg') !== null;
      const style = getComputedStyle(element);
      const front = over(parse(isDrawn ? style.fill : style.color), ground);
      const [a, b] = [light(front), light(ground)];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      const where = `${element.localName}.${element.className}`;
      if (ratio < needed && !faint.has(where))
        faint.set(where, { text: text.slice(0, 40), ratio: Math.round(ratio * 100) / 100, where });
    }
    return [...faint.values()];
  }, least);
}
