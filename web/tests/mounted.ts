import { createApp, type Component } from 'vue'
import { i18n } from '@/i18n'

/** What a component draws, with the texts of the pages. */
export function mount(component: Component, props: Record<string, unknown>): HTMLElement {
  const at = document.createElement('div')
  createApp(component, props).use(i18n).mount(at)
  return at
}
