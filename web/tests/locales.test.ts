import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import shellEn from '@/i18n/locales/en.json'
import shellZh from '@/i18n/locales/zh-CN.json'
import { modules } from '@/modules'

const SRC = join(__dirname, '../src')

function files(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    if (statSync(path).isDirectory()) return files(path)
    return /\.(vue|ts)$/.test(name) ? [path] : []
  })
}
const holes = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]!).sort()

const all = [
  { name: 'shell', 'zh-CN': shellZh as Record<string, string>, en: shellEn as Record<string, string> },
  ...modules.map((m) => ({ name: m.name, ...m.locales })),
]
const zh = Object.assign({}, ...all.map((m) => m['zh-CN'])) as Record<string, string>

describe.each(all)('texts of $name', (module) => {
  it('has every text in both languages, with the same placeholders', () => {
    expect(Object.keys(module.en).sort()).toEqual(Object.keys(module['zh-CN']).sort())
    for (const [key, text] of Object.entries(module['zh-CN'])) {
      expect(text.trim(), key).not.toBe('')
      expect(holes(module.en[key]!), key).toEqual(holes(text))
    }
  })
  it('keeps to its own keys', () => {
    for (const key of Object.keys(module['zh-CN'])) expect(key.startsWith(`${module.name}.`), key).toBe(true)
  })
})

it('finds every text that the pages ask for by name', () => {
  const unknown: string[] = []
  for (const file of files(SRC)) {
    const text = readFileSync(file, 'utf8')
    for (const m of text.matchAll(/(?<![\w.])\$?t\(\s*'([a-z][\w.-]*)'/g))
      if (!(m[1]! in zh)) unknown.push(`${m[1]} in ${file.slice(SRC.length)}`)
  }
  expect(unknown).toEqual([])
})

it('writes no style attribute that the content policy would have to allow', () => {
  const found = files(SRC).filter((f) => f.endsWith('.vue') && /\sstyle="/.test(readFileSync(f, 'utf8').split('<style')[0]!))
  expect(found).toEqual([])
})
