"""`doorstep load --profile storm` on the whole shop: few goods, cancels, declined and late cards, lazy
couriers, every command twice, with a kill -9 of the gateway and of each processor in between."""
import json
import subprocess
import unittest

import shop as kit

SHOP = kit.Shop('storm', {'PAYMENT_PROVIDER_TIMEOUT': '1s', 'PAYMENT_REFUND_RETRY_FIRST': '1s',
                          'DELIVERY_OFFER_TIMEOUT': '5s'})
ROLES = ('gateway-payments', 'processor-order', 'processor-inventory', 'processor-payment', 'processor-delivery',
         'processor-catalog')


def setUpModule():
    SHOP.start()


class Storm(unittest.TestCase):
    def test_all_that_is_on_sale_is_sold_once(self):
        storm = subprocess.Popen(
            [SHOP.binary, 'load', '--profile', 'storm', '--orders', '400', '--rate', '25', '--units', '24',
             '--settle', '200s', '--json', '--api-url', SHOP.url], env=SHOP.env, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            for role in ROLES:
                kit.say(f'{role} was ready again {SHOP.kill(role):.1f} s after kill -9')
            out, _ = storm.communicate(timeout=400)
        finally:
            storm.kill()
        self.assertEqual(storm.returncode, 0, out)
        said = json.loads(out)
        self.assertTrue(said['ok'], said)
        self.assertEqual((said['sold'], said['delivered'], said['available'], said['reserved']), (24, 24, 0, 0))
        self.assertEqual((said['lost'], said['doubled'], said['strangers'], said['notAccepted']), (0, 0, 0, 0))

    def test_money_and_goods_are_right_in_the_log_and_at_the_provider(self):
        self.assertEqual(SHOP.new_anomalies(), [])


def load_tests(loader, _tests, _pattern):
    return unittest.TestSuite(loader.loadTestsFromTestCase(case) for case in [Storm])


if __name__ == '__main__':
    kit.main(SHOP)
