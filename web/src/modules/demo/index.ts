import type { WebModule } from '@/module'
import en from './locales/en.json'
import zh from './locales/zh-CN.json'

const demo: WebModule = {
  name: 'demo',
  routes: [
    {
      path: '/demo',
      name: 'demo',
      component: () => import('./DemoPage.vue'),
      meta: { permission: 'demo.scenario.read', title: 'demo.nav' },
    },
  ],
  nav: [{ route: 'demo', label: 'demo.nav', permission: 'demo.scenario.read', order: 90, group: 'main', demo: true }],
  locales: { 'zh-CN': zh, en },
}
export default demo
