import type { WebModule } from '@/module'
import en from './locales/en.json'
import zh from './locales/zh-CN.json'

const cases: WebModule = {
  name: 'cases',
  routes: [
    {
      path: '/work',
      name: 'work',
      component: () => import('./WorkPage.vue'),
      meta: { permission: 'cases.case.read', title: 'cases.nav' },
    },
    {
      path: '/work/:id(\\d+)',
      name: 'case',
      component: () => import('./CasePage.vue'),
      meta: { permission: 'cases.case.read', title: 'cases.one' },
    },
    {
      path: '/report',
      name: 'report',
      component: () => import('./ReportPage.vue'),
      meta: { permission: 'cases.case.write', title: 'cases.report.title' },
    },
  ],
  nav: [
    { route: 'work', label: 'cases.nav', permission: 'cases.case.read', order: 25, group: 'main' },
    { route: 'report', label: 'cases.report.title', permission: 'cases.case.write', order: 105, group: 'more' },
  ],
  locales: { 'zh-CN': zh, en },
}
export default cases
