package document_test

import (
	"compress/gzip"
	"encoding/base64"
	"io"
	"strings"
	"testing"
)

// encryptedPDFs are one file, encrypted in six ways by qpdf 11.3: gzip, base64.
// Its page says "password: swordfish", its OpenAction calls app.launchURL.
var encryptedPDFs = [...]struct{ name, data string }{
	{"RC4, 40 bits", "H4sIAAAAAAACA4VTy2oUQRQFFwqNH1GbAbOIXe/qwiFgMgk+Scj4WIQsqqtujy1jd+ipxETX+QHdZC2CkB9wGbISBMFPyc5d8HYnkxmZhV2L7jp17znn3rrd" +
		"2xpsLLP7Mumd/flymTBCSZ2/Tfp9km7uQfXQx7KuSLt9MiR9D1oY5gupFDfUSeNt0Jbl3BXSBpPZkMMKSYcY7Q7c0DflXiQriGy5EUwIR/Ztkr442gOSrrno" +
		"xvUIjxOoQivK58TX6v0qEkbSp2WYkB0iutTdafIV3yxV/JNaRajihMgruecQSrdaHyILxWVx7bYMDQZNLW3DpN5vPHK2DBvIcPVBVHeOJbRVzLTnpOWc9DOo" +
		"RvENkRxTy3GEBt9jF2EAvg5d0iQ24N4lo4/nd9z658G9i5Pf709eP7j7qbn8dvzj/PbZ0tf+0vfJcTy1Fz9Pb+3+QpXrnGs9Nae36ibQmU0fwfgAYukddn8/" +
		"j53R1i6buu7CZq71HMvU6jC6KrgmzOqgOAV465ZLznVmCucBdKZBGFEwmitvApVGZFQJpnhhgAMICox5bcFLyZXRLm/vnyxL7DK2O31J+rkItnBCa0s1FJIX" +
		"QkmvA+RGemWpUeAKISTuPZVC6dzRYAoRQpYrFqhDwlc4G7NqDhsoEkpMQm8eopUSihTkBmPYue6kusEYVriAWbuACc4XMCnkAqboHBYbV46xr22Lt+u6neZu" +
		"1oblByCGpI8HZKcvmGTKco1eM2us4CKTmmspRCa4sWrl/xE4zOuVb47wV9PX04pj5prYdcUwmvR665sbyV8tUqUl6wMAAA=="},
	{"RC4, 128 bits", "H4sIAAAAAAACA4VTPWsVQRQtxS0EQYSkGpBXxp2vnZ3BR8TkJcSPkJBnRAgp7s7MxpXnbtg3CUkKf4L/wMbGwsIfEEGw9U+IFtapLATx7r5PeYW7xc6eufec" +
		"c+/c6ez2NlfYXRl1Pv969ydihJIqexl1uyTeOfblAxuKqiTN76M+6TKlLfUStAJtQXPB05QiQF2mqM6NyYxdJXEfo+EU+rYujgNZRWQXjvyQcGTfI/HT82NP" +
		"4nUIMKiOcDvypWtE+Zz4enVSBsJI/LhwQ3JARJt6OEke8c1SxT+pZfBlGBI5ktv2roC16gxZKL4G38OGocagiaU9P6xOaoucDcMmMowWJGn3sYSmipn2nLSc" +
		"k37iy6PwgkiOqcUg+Bq/Awi+523l2qRhqD28ii5/337//dbP69/uXL41vZuftr9+vP/m+Ycb915fK2JFl6+Wlrf2f1wtfcEzcOOcsV4yp7cGQ9+ajbf84NSH" +
		"wgJ2/yQLrdHGLpu4bsNmrtUcy8RqP0DpoHbTOhjXOAakmyiVg06F90LY1KTWicxQmTtwuWYSchDS5QaEzpV3kmVGS8+tcsABVJ40A0BWJLYZzzHeJ13PmbXC" +
		"MZHRHMAYTM9Sx2nOGEoITxnnMlFgWAY+YULyVIByGa6sTq1Ewmd4dLNyzmqfR5SkEZ0+RCWJSEhOphjD1rU75RRjki5ixixggvMFTAq5gCV0Dgs1FANsbNPj" +
		"vapqxrkdtn5x4UlK4oc9ctAVTLLEcIVetUmN4EJLxZUUQuPtMsnq/yNwmjdKW5/jXVPjccU5gzq0XUkZizqdjZ3N6C+nqmFS7AMAAA=="},
	{"AES, 128 bits, packed", "H4sIAAAAAAACA4VTW2gcVRiOUUMYEUya4EMpOUE3BqHunNvMnLIEQ3ZXTZsmzWqapm3qmXPOJFv3EmcnoRGsxIC1+GCxEuxFH0L7UGm9PChBvJTQWkpK04KV" +
		"9kGJaRSqNi8Ga8WknklSNxBFhuFc/p//+/7vfH+kLZ5cD5+wjMhXt0YXDAhMkHd3G7EYiLb2qVyjCNL5HAiPzSkQEwITzD2LSioEVEISTKnE1OVQmlR/UjIo" +
		"lXSly/QVUR4XjGAlHWxBT3jMpp5NIRQ2NRGCxHOIcBAmwjIxgUw0gGhKI/EBnhJ+ui8ADfqmjfeoAsCaWTuIPjvYp0C0iQc8k+/RYUPlZEgYrSC+lNPq7k4F" +
		"WRDdpHI9QS+AtgWiyXQmUL5eMzxQcSXyUidu1rV1xC8EANKwZCHwFc8aB8cmx8cHzS8OLLw19MBwxVjz41Nzl778+YWa7rWHG+2HhqL2+MFf2ysm3t/vXdxw" +
		"p262sm3N3LaZnnvnuz46/OiJDbuMfSOzA7U/dF7pnRg9v7Plzo7jZ2urjnZvOtK6bkzs//p4Ak0PT/zy21MdQ3OPdM1emvr9xTW3cLxmZvKzj48Z31Yfyjx4" +
		"4/a56xdp00/9N6vXnihUbO3c9fKW+sujM++kyp+//diFG1Vy497sH933b3zT/etIi1ZimfmyJtYKTZZVsMi/i1DsuqVr81TpvHi78sP4uvcOXA8+eaN++vy+" +
		"4flXL1z7riZ76tMfT05e3lJ66J6AP9x86oOTI/jM9LYn6yuvXH1lR6Tj2uflq1jYK1g0JRetlArk8q6xP+hNDKhcAKLxvAgdFya16EAi1YGKj2eFTgjNcJd8" +
		"KuA5yX1ZTEGOfnMQo5blccfGSmEsbGYLiV1mEk9y6TmQcI9jIj3GseNZShLoMocoJCzJEeeWR0PDgfVapnZAQphs8i5fvfjFw3MgphDUAyEhdk2Pc8Z0YdeW" +
		"yPQg1OBYmRAhQi3OoMsVhZggG3NLunonHFsQDdWhQYomdlaZuLNdef+0SNB/OHhpbeN+trCoalM+05/NFcIG2nwl0yLI+1qgRQG3gu0AAqT/nbrHfF6bfmmy" +
		"UumXFGAg+kwcbI9hSCBlyKKYOsxmGGGHWMgiGDsY2Yw2/H+GLp/ICX9QT7G9iFD02J6jwi0prUuW7S2rK3vtXTBS/frZ0+W1C/j7P8+dOX21rEp845WUPH3z" +
		"vmPGKjsVAu4He3zlGcxkRiSSaE0afwMyZ0mFxQQAAA=="},
	{"AES, 256 bits, revision 5", "H4sIAAAAAAACA4VUO28kRRBGIlvpfgFC6mQDArP9rO4WKwv7dn087jjLy1lCpxPqR7W9sN61ZscrGxGAkBAJfwKRIQIQMVwAMT/gEKQEF11yRCdqxvtCDpgZ" +
		"qXuq6/VVf1Xdw8HBjnjddrq/PP/mRUcwzmbxo06/z3rDyxqn8/FsOmfN795gf9hu9sMcj7FqTliPTLc07+ICJ0yx3d3m690/x+leqhvFxvCdEesnFZJKiecE" +
		"DnMMyWWwWaO2qhiRc8roXInWJAkSrTLWqZgtD+C5Ao42S0HWaAykkoBry0sSkA3yqH0uFHVEkcIijFI1Pq/bPA7DCc6ZJGxHrPf+1Tmy3u1Qh8nshI47OM0N" +
		"ZLkF/fbsYlozwXrvjvOcPSREjemjlfG1v42p+o/plIpRz5m+DncP8zjszy7JC6fX0/uo8VCR0iqlI5zPLqqE14U+IA/XG2ba82U1N7G3Quut0HdxelKfMtBk" +
		"Op7UWNE6CTUOMM1yazSvKwxnnadvPL5a/Phs8vJnF/Nu987pp6/9fvbq5NaTD379+Lc/vhQ/7b30z9cvnuyLwXenb377w/PP/3rl5+8f/zn84tZX7/298+Gd" +
		"EcVeelpmYbayaOjRQui9hZMF1uMU6E4uYt2m34AQKyyt2gYLbJfxoC3BqM7L3d5FfTpcNEXrDWapYVajdI8OhqNjtQav5KpcqxKM6jDNocprFWmAqMn6gVsu" +
		"LQKXJTkswUNEKNaBscYIaXUpaEtw0bikE0/KqYTaCeNz4JhUVOAKyBwFV1Z4YTGbWKIBLoIUQjQNQB2TdNTGFAGBy+QNKQqefMggfQxCeuqGZLyUoAxGgwDW" +
		"8lRciIEH75Vp+Mt26E4PsTojhgR6ZExZ66RBWnDcZOophYob7yyQ/hERh3CfHawKSEu1+XnA+p5TDMstJMrcxiC9Q8mNTEkLoGSNdt5rHrgzlJgj2KC4klwH" +
		"KCFZmRBCLjliSjYFK30oRZJuhsgx20hJPCDsVurgCygvS+ZNdThAFM5Ro4vsojLZOROypWFAiDlIHkvQBVym+8gJyc0xYdlQ5LLC0uHMdvj6YWCMMqywtUwQ" +
		"HduT6VomAW7IlLypp7W7ITNO3pCB2ZLVVRhPiGoNTY9ms2ZwtG09Gn+CjMbj2wP2sK+EJuZIoFydt15J5ej6QCuilbTe7P6/Bs2N4TRVVzTVYDkYqKNDVbdV" +
		"EcL7Trc7vH/Q+RfxOXfY1QUAAA=="},
	{"AES, 256 bits, revision 6, packed", "H4sIAAAAAAACA4VUbYhVRRhetYSuP0ozAyUa0RU/0nvme4Zui+vuvaGsu9ted1WkaGbOe3SX3Xvl3KOtq2RLpVYqFBktq0Tpj0TDPxn1azFEQsIlyA/KsvrR" +
		"h0IYQqW42px13V2wCM5h5pz3nXee95nnmerm+sJivERmqgf++uBWBqMAlW1HJpdD2Xx3AqVKe7lUQelnbf2y/PBkmalAG8RpBGX90nGZDbAZOpFCNTXpk23a" +
		"CKVal6SJ6cIVRZSLGHMCAiMYASIChUMdEBmBIJI7HlmtBRNWSR/DTAAhxrCIESY0dVYb/0cQHorQCG61ktSRgAeUOBEJY4Bxv2vR72Q2m6KL2zcmwziazXqo" +
		"IOp7a0HZVVs2AsrWmcR0ltf7cAZKYdoyGdf6nZwm21FMulC2AUrrkw0IS4GyhfbOBGI/dpoE6sGVQ5/Y6Gv7SFxJEOZpyUoSg+nKfNTzmPxp51Z8dU3dzLNb" +
		"j3z2yN5Fp9eStQdemNPac3bfmmkTDurBI7i1Z5XbW35iw/n9x66++fuPfUPTnjtY1dh3wX797YSf97zUe/TDweUdR92W/qenDgxdaDjUt3tB9/S2b07k/jx8" +
		"8av8UycHZs1sPGQLVw5s+/LytY9vvDVlwa5tg5kpc5fUnHnj8rvXvzssK7/wmycWic935Vece188+gyd/9CO2ncGp547fmPfnteit7/f0TJ74g/b7/NMjCAf" +
		"4USM42SEBcH+nYSxrmftWLE9+aN553sXzxw7jm9fwduGum/O/uTTl4fO952af2rtwyuffPXkr711E1bnemdMe+Dazuv9tc/P751+emE/q7r12+57UMhxKOoK" +
		"w1IqJuHIrHZTsiG/GUoJytaXXaq4NGmlD+SLbXQUNiV3RXkXfDExpdDE4WgK4f58m1BOGCe5CXlEmWSh0MoELoBAWO4lSKTQAFJhrowkkfHCdRxM6LQBF1kn" +
		"I6LBr7AAOGKR4UKJQCtQgjLFHGbUpcbwTsJe8JoQy7SODAsl5yykBoOjyoREKGttIK0UoWMB4yFwzK1jjgmspJSOprpGi/1pNEPc5S3qTWI0odjXkyLCIhCU" +
		"Mxcp6V2mOAaf34JE2ndX4S6BfojHPlpRzgQEPHYG1gnmpIJIhhCQgGFhwogzbThWVPiOtcfBeMCASewsWEUx1R52wKT/77xPrcPOeYe6kCvlPAdOYg+i1fce" +
		"6hArpZ2QoCwWFohvHoOMJOXWg9aGSg2cBEEYcCs0tiYilLBQAwXHiC/Thvg486p7zLumBaLRo2X0P5x7Z2w2wwym8ip3buryF15Kawxhu0vKMcLD2smuRusQ" +
		"RsS/z3oqy2Vv9js3SrG9B5BG2eX1aF3OHwDmnghOudJSU0IVE0QwShUlUvOa/8/w5fMlF2/xt5cc3mHMW937na2aOK8w+cXJ8yafurT03O3Hl86YNGnOK38P" +
		"zr324Bcdk17HC2hVVXfD/Zcy9/iokpg46Y4hymBCaKa6Ot9UyPwDG/ACOwEGAAA="},
	{"user password", "H4sIAAAAAAACA4VUO4skVRQOxQ42UDC+SRsIa9/3A9qRme1udGfWaabdTpYF7+Pc2ZaeqqG6ZpjZH7BsuroIKhiY+BMMVTA3MzFQU0GRBd1AEU/V9EsmsKqg" +
		"bt17Ht/31TmnOx6MbrLXTaf71fPP/+kwQkkZ3u/0+6Q3vKihWMzKYkGaz93B3rBd7PkFTKFqTkgPXbcsD+Ac5sSSnZ3m6R2eQrEb68awcbw9IX3qkwdKvc8+" +
		"Wyuo8ibYpJljAiJTwYdgDVXSSsqlzjYkmjljYKLPNElplUscnEveaEdFNpQpIU0EplgKgmPWCWby534Sq9lp3eIY+2NYEI7cjkjv3ctTIL1bvvbz8hiPO1Ck" +
		"hjLfon6rPCtqwkhvf5YW5B4Rrev9lfNVvI2r+I9rgWLUCyKv0t2BNPN75QVGoXg7vO83ESo0WkE6gkV5VkW4EnqEEa4WRLXnSzU3ubdSy63UB1Ac1w+Ilug6" +
		"m9dQ4XvuaxhALFPrtKgr8Ced4y8vX/70jScffv3sz4+n7xz8/NGbh7/98ez5D9/vv/b40Sffjl58dfzSj93P/vp9+t4XvcV346eP/n5l/+EL3/z69Jefbty+" +
		"8QHmXkZaolBbKJryaCn03oL5OdSz6PGfnIW6hd+QYCsurdmGi96WcdRKMKnTcrV7Vj8Ynjei9QZlbCqrMbqDB8PJVKzJC76SayXBpPZF8lVam3ClsTRJP1ut" +
		"rAjMQqbS5xhCYGBNUjFpqb2CqITIaMCZ1dkkKUzWQurEFJauTtQI5YyNQQgZtWBGy5x5MhCAWp9D0wDYMTzHFKORjsfgedBGAVaw0NzkwMFzmjzD0s2R0hyy" +
		"pUJZyRGPphGhWN3UL7mJ/3QM1QlWSEgaRGbe8Mh0cppLHiP3SnFjookK7Y+IbnifjFYC4qvafNwlfWeDRO4IgGankAb2jkSMgafgjTUmBOMQtTdeShVZTE4E" +
		"qh3LuEjaMJZl9NLH7KwJxjBNRbBNCAtaSo8g7iL3oKPTWSsVM4LMmiNgbPZkUWmHwK2VAQA58Ghl0kIZRZ2MHFFQhi2PYabYBJsSuaggdygxHbq+CIYXimSy" +
		"3mNYju1Jsd7jWl/bE/y6HQ6Ya3vK8mt7Wm3t1ZWfzbHUmjI9KstmcLRtPZk9BILj8e0BudcXTDLluEas1hknuLAS9ZBCWMGNUzv/b4FzY1jE6hKnml4OBuxo" +
		"X9WtKow51+l2h4ejzr/Rcgh81QUAAA=="},
	{"user password, packed", "H4sIAAAAAAACA4VUbWiVVRxfrpZckBGES0N2yiZa6X3O+znrNrd5dzFZbu66GU3L8/bshe1eee6zObMXND/EgihplFaIUiYNsT4EFamfEqM3StM+FKuIItFk" +
		"ZtmHss4zpxusCO7lnIfzf/n9f+f3OzWt2dxSuIynao5e2nc5BUEAiro3lcmAdNNQ7AqlnmKhBJLPhmxj08SmUZVch4uSE5D2qdMim92g6wMC1NUlv3TLJldo" +
		"MHESmCSuyoNMYJkNlXM4DCT1GwGdEZpqpCWnUGHImXTMYSaEIqGgOlTMssAgTiBzJiAWhtJYYTljDFPMNYNMY2qRk8II7LvmfSc1qPIm6tkUT+BoVV2uBLCf" +
		"rQ2k127Z5EB6hYpVX7HLH6dcwSYjo2mjX4lp0b35uB+km12hK+4GHhpI53r6Yhf5tU/FLutM0frA1b62P4lKMYA0KVmKI6f6U6fWvFTxanYzPZodufXIQ5+L" +
		"Y3MaZ4M/vz8fnMxsX7FgZN0Lo8t/fOr8hrLTGzfuPvj1zW+7s2bbkZGz+2q3/b6w+b3CR8uqX1u5u1Q7fx55Z8uqTNWcm9b+tTgYv5C77cL187fe+V39ida5" +
		"6xuqdq48cHG0vKL25yceq6Cj3aufeaV5vLQz90t91ZJlyxfteX5B9QfDL1bu39F3ZscXT+79+MTTxUOX95y8a9e8garjHd/e88l1h8e/enbwh4fndnsmJpFP" +
		"csKmcTLJAiP/TsLU1L8t3f9u+/uHtw7s3fjWmnMNhxY/evdzH1bd/mm+88yDa0eXn2t7/cLmsVtmf/kGbjl9cVblm8PfbIc/1R9sO3Dj+ksL9947MgMFn4Zi" +
		"RW5CSvnYTu4aBuLupkFXiEE6WzSJ4pKg+/1BU74DX4ON0VVRXgWfj1XBqsheC0HU32+Llyiy0AUGM4SQkcrQQGjLLeFasZAxqagxiHISwoAJ7qiXHcKSc2lY" +
		"6DMhDVzIJVREG6dD6KsRgymjTnJFFDSJMbyTJAo5N8QJQ4gy2lfASmoEFfXpUDgXCsWYCBiSVBPndQ6NtYY76CR0OEh0DZb622h1Ub+3KGXeSlgFSiJmvME4" +
		"xZJIBhFT2GjHfXwbYMnc/bmrBPolmvpoBxnECLQKUomUCEJjfGsnrQiwUIpQE3KEhOTWOhFQb1+lUSCsJZpax4l2gcAGOosItpwoRiEXXIfM+Gm0dZZRD6Ld" +
		"zx5gLoggHqz3LVXWkwoFDIXTmGAkrcJWI4Wgbxz6WZ0l1hiKtM+BkNjQl+kAdJp5xQzzPtDmwmtXS/B/OPfK2qomGEzkVewb6PcPXkJr5GyPiYsRgBPaSa8D" +
		"nQAC5P8bPJXFojf7lRcl3/OIAxKk78uCzgyGJKGPUUw9UxIjLAjztGIsMOKS1v1/hC/fVDDRFv968YkOU94aetnoslmLchWPVyyqODZWf+rv6vq55eULd/zx" +
		"2R2/Vh7vLR+GS3BZ2VDzDWOpGT4qxSqKhyIXpiBCOFVT09SSS/0DXRg53AEGAAA="},
}

func pdfUnzipped(tb testing.TB, data string) string {
	tb.Helper()
	z, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(data)))
	if err != nil {
		tb.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// TestPDFEncrypted reads what opens with the empty password and names the rest.
func TestPDFEncrypted(t *testing.T) {
	for _, c := range encryptedPDFs {
		t.Run(c.name, func(t *testing.T) {
			got := readPages(t, pdfUnzipped(t, c.data))
			want := []string{"xfile.active PDF JavaScript: launchURL"}
			switch c.name {
			case "user password":
				want = []string{"xfile.active PDF JavaScript: encrypted", "xfile.encrypted encrypted PDF"}
			case "user password, packed":
				want = []string{"xfile.active PDF JavaScript: encrypted", "xfile.encrypted encrypted PDF, grave"}
			}
			got.expect(t, want, nil)
			if locked := strings.HasPrefix(c.name, "user"); strings.Contains(got.text, "password: swordfish") == locked {
				t.Errorf("text %q", got.text)
			}
		})
	}
}
