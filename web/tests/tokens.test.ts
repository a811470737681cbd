import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

/** WCAG 2.2 contrast (1.4.3) of the design tokens, read from the style sheet itself. */
const css = readFileSync(join(__dirname, '../src/styles/tokens.css'), 'utf8')
function theme(selector: string): Record<string, string> {
  const block = new RegExp(`${selector}\\s*\\{([^}]*)\\}`).exec(css)![1]!
  return Object.fromEntries([...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/g)].map((m) => [m[1]!, m[2]!]))
}
function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((i) => {
    const c = parseInt(hex.slice(i, i + 2), 16) / 255
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}
function contrast(a: string, b: string): number {
  const [hi, lo] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number]
  return (hi + 0.05) / (lo + 0.05)
}

describe.each([
  ['dark wall', theme(':root'), ['bg-0', 'bg-1', 'bg-2']],
  ['light operator pages', theme('html\\.light'), ['bg-0', 'bg-1', 'bg-2']],
])('%s', (_name, tokens, fields) => {
  it.each(['t1', 't2', 't3', 'a1', 'a2', 'a3', 'a4', 'ice'])('%s can be read on every field', (ink) => {
    for (const field of fields as string[])
      expect(contrast(tokens[ink]!, tokens[field]!), `${ink} on ${field}`).toBeGreaterThanOrEqual(4.5)
  })
  it('shows the edges of charts and the dim zero at 3:1', () => {
    for (const ink of ['t4', 's1']) expect(contrast(tokens[ink]!, tokens['bg-0']!), ink).toBeGreaterThanOrEqual(3)
  })
  it('puts readable text on its solid buttons', () => {
    expect(contrast(tokens['on-ice']!, tokens.ice!)).toBeGreaterThanOrEqual(4.5)
  })
})

it('tells the four alarm levels apart in luminance or by shape, never only by hue', () => {
  const glyph = readFileSync(join(__dirname, '../src/components/AlarmGlyph.vue'), 'utf8')
  expect([...glyph.matchAll(/<(path|circle)\b[^>]*\b(d|cx)=/g)]).toHaveLength(4)
})
