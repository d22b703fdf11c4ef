#!/usr/bin/env bash
# Makes a Postfix of its own in DIR, on PORT of the loopback: STARTTLS with a certificate from a
# chain made here, mail for example.test into a maildir, nothing relayed anywhere.
set -euo pipefail
dir=$1 port=$2
mkdir -p "$dir"/{queue,data,tls,mail}
chmod 755 "$dir"

# A root, an intermediate, and the server's certificate, for one day.
cd "$dir/tls"
openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj "/CN=Sotto test root" \
  -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign" \
  -keyout root.key -out root.pem
openssl req -newkey rsa:2048 -nodes -subj "/CN=Sotto test intermediate" -keyout middle.key -out middle.csr
openssl x509 -req -in middle.csr -CA root.pem -CAkey root.key -days 1 -CAcreateserial -out middle.pem \
  -extfile <(printf 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign')
openssl req -newkey rsa:2048 -nodes -subj "/CN=localhost" -keyout server.key -out server.csr
openssl x509 -req -in server.csr -CA middle.pem -CAkey middle.key -days 1 -CAcreateserial -out server.pem \
  -extfile <(printf 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth')
cat server.pem middle.pem >chain.pem
openssl genpkey -algorithm ed25519 -out dkim.pem
chmod 600 ./*.key dkim.pem

cat >"$dir/main.cf" <<CF
compatibility_level = 3.6
queue_directory = $dir/queue
data_directory = $dir/data
maillog_file = $dir/data/maillog
maillog_file_prefixes = $dir
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = mail.example.test
mydestination =
mynetworks = 127.0.0.0/8
relay_domains =
default_transport = error:nothing leaves this machine
relay_transport = error:nothing leaves this machine
virtual_mailbox_domains = example.test
virtual_mailbox_base = $dir/mail
virtual_mailbox_maps = static:inbox/
virtual_minimum_uid = 1
virtual_uid_maps = static:$(id -u postfix)
virtual_gid_maps = static:$(id -g postfix)
smtpd_tls_security_level = encrypt
smtpd_tls_chain_files = $dir/tls/server.key, $dir/tls/chain.pem
smtpd_recipient_restrictions = reject_unauth_destination
alias_maps =
alias_database =
CF
# The packaged services, the listener on our port, nothing in a chroot.
sed -E -e '/^smtp +inet/d' -e 's/^([a-z]+ +(unix|inet|fifo|pass) +[-yn] +[-yn] +)[-yn]/\1n/' \
  /usr/share/postfix/master.cf.dist 2>/dev/null >"$dir/master.cf" \
  || sed -E -e '/^smtp +inet/d' -e 's/^([a-z]+ +(unix|inet|fifo|pass) +[-yn] +[-yn] +)[-yn]/\1n/' /etc/postfix/master.cf >"$dir/master.cf"
printf '127.0.0.1:%s inet n - n - - smtpd\n' "$port" >>"$dir/master.cf"
chown postfix "$dir/data" "$dir/mail"
chown -R root "$dir/queue"
