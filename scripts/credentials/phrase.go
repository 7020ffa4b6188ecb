package main

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
)

// A phrase gives a login away. named: the text names the user, so that somebody
// else may have sent it.
type phrase struct {
	name  string
	named bool
	write func(r *rand.Rand, p person) string
}

// form makes a phrase of a text in which U, A and P stand for the user, the
// address and the password.
func form(name, text string) phrase {
	return phrase{name, strings.Contains(text, "{U}") || strings.Contains(text, "{A}"), func(_ *rand.Rand, p person) string {
		return strings.NewReplacer("{U}", p.name, "{A}", p.address(), "{P}", p.password).Replace(text)
	}}
}

// phrases are what the detector is raised on. Forms, not languages, are what
// counts; languages are those a university's users write.
var phrases = []phrase{
	form("label lines", "User name: {U}\nPassword: {P}\nDepartment: Chemistry"),
	form("label lines, address", "E-mail: {A}\nPassword : {P}\nFull name: A. Person"),
	form("labels in a line", "Username: {U} Password: {P} Domain: LAN"),
	form("upper case, no user", "PASSWORD: {P}"),
	form("label, equals", "login={U}\npassword={P}"),
	form("leader dots", "User ID ........ {U}\nPassword ....... {P}"),
	form("label, next line", "Username:\n{U}\nPassword:\n{P}\n"),
	form("cells", "Username\t{U}\nPassword\t{P}"),
	form("cells under heads", "Name\tUsername\tPassword\nA. Person\t{U}\t{P}"),
	form("prose", "Hello, my password is {P}. Please keep my mailbox open."),
	form("prose, quoted", "The password is \"{P}\", and I have not changed it yet."),
	form("prose, brackets", "I use the same password ({P}) for everything."),
	form("prose, user then password", "My username is {U} and my password is {P}\nThanks"),
	form("prose, value first", "{P} is the password for {U}, sorry for the delay."),
	form("question answered", "What is your current password?\n\n{P}"),
	form("pair with slash", "user/pass: {U}/{P}"),
	form("pair with blanks", "You can get in as {U} / {P} until Friday."),
	form("pair with colon", "Here you are: {U}:{P}"),
	form("adjacent lines", "Hi,\nas you asked:\n{U}\n{P}\nregards"),
	form("adjacent address", "{A} {P}"),
	form("semicolons", "Doe;Jane;{U};{P};active"),
	form("reply filled in", "> Please fill in the form below\n>\n> * Username: {U}\n> * Password: {P}\n> * Phone:"),
	form("reply, own line", "> User name (required):\n{U}\n> Password (required):\n{P}\n>> thank you"),
	form("JSON", `{"username": "{U}", "password": "{P}", "remember": true}`),
	form("XML", "<user>{U}</user>\n<password>{P}</password>"),
	form("shell", "mysql -u {U} --password={P} -h db"),
	form("curl", "curl -u {U}:{P} https://www.example.org/api"),
	form("netrc", "machine ftp.example.org login {U} password {P}"),
	form("bold marks", "Login: *{U}*\nPassword: *{P}*"),
	form("German", "Mein Kennwort lautet {P}, Benutzername {U}."),
	form("German label", "Zugangsdaten:\nBenutzername: {U}\nPasswort: {P}"),
	form("French", "Mon mot de passe : {P}\nIdentifiant : {U}"),
	form("Spanish", "Usuario: {U}\nContraseña: {P}"),
	form("Portuguese", "Minha senha é {P} e o usuário {U}"),
	form("Italian", "Nome utente: {U}, la parola d'ordine è {P}"),
	form("Dutch", "Mijn wachtwoord is {P} (gebruikersnaam {U})"),
	form("Polish", "Login: {U}, hasło: {P}"),
	form("Czech", "Uživatelské jméno: {U}\nHeslo: {P}"),
	form("Russian", "Логин: {U}\nПароль: {P}"),
	form("Russian prose", "Мой пароль {P}, проверьте пожалуйста."),
	form("Chinese", "用户名：{U}\n密码：{P}"),
	form("Chinese prose", "我的密码是{P}，谢谢。"),
	form("Japanese", "ユーザー名：{U}\nパスワードは{P}です。"),
	form("Korean", "아이디: {U}\n비밀번호: {P}"),
	form("Greek", "Ο κωδικός μου είναι {P} και το όνομα χρήστη {U}"),
	form("Turkish", "Kullanıcı adı: {U}\nŞifre: {P}"),
	form("Swedish", "Mitt lösenord är {P}, användarnamn {U}"),
	form("Hungarian", "Felhasználónév: {U}\nJelszó: {P}"),
	form("Arabic", "اسم المستخدم: {U}\nكلمة المرور: {P}"),
	form("no separator", "uid {U} pw {P}"),
	form("dashes", "Username - {U}\nPassword - {P}"),
	form("arrow", "login -> {U}\npassword -> {P}"),
	form("bullets", " * user: {U}\n * pass: {P}\n * server: imap.example.org"),
	form("numbered", "1. Name: A. Person\n2. User name: {U}\n3. Current password: {P}\n4. Date of birth: 01/02/1980"),
	form("asked in brackets", "Password (case sensitive): {P}\nUser ID (required): {U}"),
	form("far label", "My password for the web mail system of the university is {P} and I log in as {U}."),
	form("typed twice", "Password: {P}\nConfirm password: {P}"),
	form("old and new", "Old password: Winter-2019x\nNew password: {P}\nAccount: {A}"),
	form("domain name", "EXAMPLE\\{U} / {P}"),
	form("curly quotes", "The password is “{P}” and the user name is “{U}”."),
	form("guillemets", "Le mot de passe est « {P} », l'identifiant « {U} »."),
	form("markdown code", "user `{U}` password `{P}`"),
	form("markdown table", "| user | password |\n|------|----------|\n| {U} | {P} |"),
	form("YAML", "smtp:\n  host: smtp.example.org\n  username: {U}\n  password: \"{P}\""),
	form("dotenv", "DB_USER={U}\nDB_PASSWORD='{P}'"),
	form("connection string", "Server=db;Uid={U};Pwd={P};Database=x"),
	form("SQL", "CREATE USER '{U}' IDENTIFIED BY '{P}';"),
	form("PHP", "$user = '{U}'; $password = '{P}';"),
	form("reply above", "{P}\n\nOn Monday the help desk wrote:\n> Dear user,\n> your mailbox is nearly full and will be closed. To keep it, answer this message at once\n> and give us your password."),
	form("two on a line above", "{U} {P}\n\n> Please reply with your user name and password to keep your mailbox."),
	form("question and answer", "Q: password?\nA: {P}"),
	form("thanks before", "Sure, it's {P} - that's the password, the user is {U}"),
	form("label of two lines", "> Your current\n> password: {P}"),
	form("CSV row", "name,login,password,mail\n\"Person, A.\",{U},{P},{A}"),
	form("tabs without label", "{A}\t{P}\tactive"),
	form("mail set-up", "IMAP server imap.example.org port 993, user {A}, SSL, pass {P}"),
	form("Indonesian", "Nama pengguna: {U}\nKata sandi: {P}"),
	form("Vietnamese", "Tên đăng nhập: {U}\nMật khẩu: {P}"),
	form("Finnish", "Käyttäjätunnus: {U}\nSalasana: {P}"),
	form("Romanian", "Parola mea este {P}, utilizator {U}"),
	form("Hebrew", "שם משתמש: {U}\nסיסמה: {P}"),
	form("Thai", "ชื่อผู้ใช้ {U} รหัสผ่าน {P}"),
	form("Ukrainian", "Ім'я користувача: {U}, пароль: {P}"),
	form("Croatian", "Korisničko ime: {U}\nLozinka: {P}"),
	form("Norwegian", "Brukernavn: {U}\nPassord: {P}"),
	form("no accents", "Contrasena: {P}, usuario {U}"),
	form("misspelt", "my passwrod is {P} and my usrname is {U}"),
	{"URL", true, func(_ *rand.Rand, p person) string {
		u := url.URL{Scheme: "https", User: url.UserPassword(p.name, p.password), Host: "files.example.org", Path: "/x"}
		return "Fetch it from " + u.String() + " please."
	}},
	{"Basic", true, func(_ *rand.Rand, p person) string {
		return "GET / HTTP/1.1\nAuthorization: Basic " + base64.StdEncoding.EncodeToString([]byte(p.name+":"+p.password)) + "\nAccept: */*"
	}},
	{"AUTH PLAIN", true, func(_ *rand.Rand, p person) string {
		return "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00"+p.name+"\x00"+p.password))
	}},
	{"full width", true, func(_ *rand.Rand, p person) string {
		return "ＩＤ：" + wide(p.name) + "\nＰａｓｓｗｏｒｄ：" + wide(p.password)
	}},
	{"spaced letters", false, func(_ *rand.Rand, p person) string {
		return "p a s s w o r d :  " + strings.Join(strings.Split(p.password, ""), " ")
	}},
	{"zero width", false, func(_ *rand.Rand, p person) string {
		return "Pass\u200bword: " + p.password[:4] + "\u200b" + p.password[4:6] + "\u00ad" + p.password[6:]
	}},
	{"form", true, func(_ *rand.Rand, p person) string {
		return fmt.Sprintf("POST /login\nuser=%s&pass=%s&go=1", url.QueryEscape(p.name), url.QueryEscape(p.password))
	}},
}

func wide(s string) string {
	return strings.Map(func(r rune) rune { return r + 0xfee0 }, s)
}
