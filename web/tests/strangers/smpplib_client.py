"""A client of smpplib against the twin's SMSC: a refused bind, a long text in parts, the receipts,
and the answer. Prints what it saw as JSON."""

import json
import sys

import smpplib.client
import smpplib.consts
import smpplib.exceptions
import smpplib.gsm

port = int(sys.argv[1])
seen = {"refused_bind": False, "parts": 0, "receipts": 0, "reply": None}

stranger = smpplib.client.Client("127.0.0.1", port, allow_unknown_opt_params=True)
stranger.connect()
try:
    stranger.bind_transceiver(system_id="stranger", password="wrong")
except smpplib.exceptions.PDUError:
    seen["refused_bind"] = True
stranger.disconnect()

client = smpplib.client.Client("127.0.0.1", port, timeout=30, allow_unknown_opt_params=True)


def received(pdu):
    if pdu.esm_class & 0x3C == 0x04:  # SMPP 3.4 §5.2.12: a delivery receipt
        seen["receipts"] += 1
        return
    if pdu.data_coding == smpplib.consts.SMPP_ENCODING_ISO10646:
        seen["reply"] = pdu.short_message.decode("utf-16-be")
    else:
        seen["reply"] = smpplib_gsm(pdu.short_message)


def smpplib_gsm(octets):
    """GSM 03.38 back to text, for the few signs of the test."""
    table = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
    text, escaped = "", False
    for octet in octets:
        if escaped:
            text += {0x65: "€"}.get(octet, "?")
            escaped = False
        elif octet == 0x1B:
            escaped = True
        else:
            text += table[octet]
    return text


client.set_message_received_handler(received)
client.connect()
client.bind_transceiver(system_id="stranger", password="secret")
text = "Sotto test " + "0123456789" * 20
parts, encoding, msg_type = smpplib.gsm.make_parts(text)
for part in parts:
    client.send_message(
        source_addr_ton=smpplib.consts.SMPP_TON_INTL,
        source_addr_npi=smpplib.consts.SMPP_NPI_ISDN,
        source_addr="12025550100",
        dest_addr_ton=smpplib.consts.SMPP_TON_INTL,
        dest_addr_npi=smpplib.consts.SMPP_NPI_ISDN,
        destination_addr="12025550101",
        short_message=part,
        data_coding=encoding,
        esm_class=msg_type,
        registered_delivery=True,
    )
    seen["parts"] += 1
while seen["receipts"] < seen["parts"] or seen["reply"] is None:
    client.read_once(ignore_error_codes=[])
client.unbind()
client.disconnect()
print(json.dumps(seen))
